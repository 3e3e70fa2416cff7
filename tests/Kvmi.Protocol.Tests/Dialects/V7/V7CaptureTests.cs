using Kvmi.Protocol.Commands;
using Kvmi.Protocol.Dialects;
using Kvmi.Protocol.Events;
using Kvmi.Protocol.Registers;

namespace Kvmi.Protocol.Tests.Dialects.V7;

/// <summary>The typed codec against the bytes of a real kernel and its tool, both directions and both ends.</summary>
public sealed class V7CaptureTests
{
    private static readonly Dialect Codec = Dialect.Find(KvmiDialect.V7)!;

    [Fact]
    public void Every_command_is_made_again_from_its_typed_values()
    {
        var made = 0;
        var others = new List<string>();
        foreach (var (file, entry) in CaptureFiles.V7Messages().Where(item => Is(item.Entry, MessageRole.Command)))
        {
            var header = CaptureFiles.Header(entry);
            var again = new byte[8192];
            var length = Codec.TryGetCommand(header.Id, out var kind)
                ? Rewrite(kind, header.Sequence, entry.Bytes.AsSpan(8), again)
                : 0;
            if (length == 0 || length != entry.Bytes!.Length)
            {
                others.Add($"{file} {header.Id} {entry.Note.Trim()}");
                continue;
            }

            Assert.Equal(Convert.ToHexString(entry.Bytes), Convert.ToHexString(again, 0, length));
            made++;
        }

        // What no typed value can express: unknown ids, surplus, padding set.
        Assert.Equal(
            [
                "kvmi-v7-errors.hex 77 unknown id",
                "kvmi-v7-errors.hex 62 unknown id with body",
                "kvmi-v7-errors.hex 2 GET_VERSION get_version with trailing body",
                "kvmi-v7-errors.hex 3 CHECK_COMMAND padding set",
                "kvmi-v7-errors.hex 9 CONTROL_EVENTS padding",
            ],
            others);
        Assert.Equal(97, made);
    }

    [Fact]
    public void Every_reply_is_made_again_from_its_typed_values()
    {
        var made = 0;
        foreach (var (_, entry) in CaptureFiles.V7Messages().Where(item => Is(item.Entry, MessageRole.CommandReply)))
        {
            var header = CaptureFiles.Header(entry);
            var payload = entry.Bytes.AsSpan(8);
            Assert.Equal(DecodeStatus.Ok, Codec.ReadReply(payload, out KvmiError error, out var data));
            var again = new byte[8192];
            var length = error == KvmiError.None && !data.IsEmpty
                ? Codec.WriteReply(again, header.Id, header.Sequence, RewriteData(header.Id, data))
                : Codec.WriteReply(again, header.Id, header.Sequence, error);
            Assert.Equal(Convert.ToHexString(entry.Bytes!), Convert.ToHexString(again, 0, length));
            made++;
        }

        Assert.Equal(99, made);
    }

    [Fact]
    public void Every_event_is_made_again_from_its_typed_values()
    {
        var kinds = new HashSet<EventKind>();
        foreach (var (_, entry) in CaptureFiles.V7Messages().Where(item => Is(item.Entry, MessageRole.Event)))
        {
            Assert.Equal(DecodeStatus.Ok, Codec.ReadEvent(entry.Bytes, out var frame));
            var state = new VcpuState { Mode = frame.Mode, View = frame.View, Regs = frame.Regs, Sregs = frame.Sregs, Msrs = frame.Msrs };
            var again = new byte[8192];
            var length = Codec.WriteEvent(again, frame.Sequence, frame.Vcpu, in state, V7Events.Body(frame));
            Assert.Equal(Convert.ToHexString(entry.Bytes!), Convert.ToHexString(again, 0, length));
            kinds.Add(frame.Kind);
        }

        Assert.Equal(
            [
                EventKind.Unhook, EventKind.Cr, EventKind.Msr, EventKind.Breakpoint, EventKind.Hypercall, EventKind.PageFault, EventKind.Descriptor,
                EventKind.PauseVcpu, EventKind.CommandError,
            ],
            kinds.Order());
    }

    [Fact]
    public void Every_event_reply_is_made_again_from_its_typed_values()
    {
        var waiting = new Dictionary<(string, uint), EventKind>();
        var replies = 0;
        var shorts = 0;
        foreach (var (file, entry) in CaptureFiles.V7Messages())
        {
            var bytes = entry.Bytes!;
            var header = CaptureFiles.Header(entry);
            if (Is(entry, MessageRole.Event))
            {
                Codec.ReadEvent(bytes, out var frame);
                waiting[(file, header.Sequence)] = frame.Kind;
            }

            if (!Is(entry, MessageRole.EventReply))
            {
                continue;
            }

            var kind = waiting[(file, header.Sequence)];
            Assert.Equal(CommandStatus.Ok, Codec.ReadEventReply(bytes, kind, out var vcpu, out var eventId, out var reply));
            Assert.Equal((byte)kind, eventId);
            var again = new byte[512];
            var length = Codec.WriteEventReply(again, header.Sequence, vcpu, kind, in reply);
            Assert.Equal(Codec.EventReplyLength(kind), length);
            if (bytes.Length < length)
            {
                // A reply without its payload: the kernel takes zeros for the rest.
                again[2] = bytes[2];
                again[3] = bytes[3];
                Assert.DoesNotContain(again[bytes.Length..length], value => value != 0);
                length = bytes.Length;
                shorts++;
            }

            Assert.Equal(Convert.ToHexString(bytes), Convert.ToHexString(again, 0, length));
            replies++;
        }

        Assert.True(replies > 40, $"{replies} replies");
        Assert.Equal(1, shorts);
    }

    [Fact]
    public void Captured_padding_errors_are_the_kernels_verdict()
    {
        var entries = CaptureFiles.Read("kvmi-v7-errors.hex");
        foreach (var (entry, reply) in entries.Zip(entries.Skip(1)).Where(pair => pair.First.Note.Contains("padding", StringComparison.Ordinal)))
        {
            var payload = entry.Bytes.AsSpan(8);
            var status = CaptureFiles.Header(entry).Id == 3
                ? Codec.Read(payload, out CheckCommand _)
                : Codec.Read(payload, out ControlEvents _);
            Assert.Equal(CommandStatus.Invalid, status);
            Codec.ReadReply(reply.Bytes.AsSpan(8), out KvmiError error, out _);
            Assert.Equal(KvmiError.InvalidArgument, error);
        }
    }

    private static bool Is(Kvmi.Protocol.Captures.HexCaptureEntry entry, MessageRole role) =>
        Codec.Classify(entry.Direction, CaptureFiles.Header(entry).Id) == role;

    private static int Rewrite(CommandKind kind, uint sequence, ReadOnlySpan<byte> payload, Span<byte> again)
    {
        switch (kind)
        {
            case CommandKind.CheckCommand:
                return Codec.Read(payload, out CheckCommand checkCommand) == CommandStatus.Ok ? Codec.Write(again, sequence, in checkCommand) : 0;
            case CommandKind.CheckEvent:
                return Codec.Read(payload, out CheckEvent checkEvent) == CommandStatus.Ok ? Codec.Write(again, sequence, in checkEvent) : 0;
            case CommandKind.PauseVcpu:
                return Codec.Read(payload, out PauseVcpu pause) == CommandStatus.Ok ? Codec.Write(again, sequence, in pause) : 0;
            case CommandKind.ControlVmEvents:
                return Codec.Read(payload, out ControlVmEvents vmEvents) == CommandStatus.Ok ? Codec.Write(again, sequence, in vmEvents) : 0;
            case CommandKind.ControlEvents:
                return Codec.Read(payload, out ControlEvents events) == CommandStatus.Ok ? Codec.Write(again, sequence, in events) : 0;
            case CommandKind.ControlCr:
                return Codec.Read(payload, out ControlCr cr) == CommandStatus.Ok ? Codec.Write(again, sequence, in cr) : 0;
            case CommandKind.ControlMsr:
                return Codec.Read(payload, out ControlMsr msr) == CommandStatus.Ok ? Codec.Write(again, sequence, in msr) : 0;
            case CommandKind.ReadPhysical:
                return Codec.Read(payload, out ReadPhysical read) == CommandStatus.Ok ? Codec.Write(again, sequence, in read) : 0;
            case CommandKind.WritePhysical:
                return Codec.Read(payload, out WritePhysical write) == CommandStatus.Ok ? Codec.Write(again, sequence, in write) : 0;
            case CommandKind.ControlCommandResponse:
                return Codec.Read(payload, out ControlCommandResponse response) == CommandStatus.Ok ? Codec.Write(again, sequence, in response) : 0;
            case CommandKind.GetRegisters:
                return Codec.Read(payload, out GetRegisters registers) == CommandStatus.Ok
                    ? Codec.WriteGetRegisters(again, sequence, registers.Vcpu, V7Events.Msrs(registers))
                    : 0;
            case CommandKind.SetPageAccess:
                return Codec.Read(payload, out SetPageAccess access) == CommandStatus.Ok
                    ? Codec.WriteSetPageAccess(again, sequence, access.View, V7Events.Entries(access))
                    : 0;
            case CommandKind.SetRegisters:
                return Codec.ReadSetRegisters(payload, out var vcpu, out var regs) == CommandStatus.Ok
                    ? Codec.WriteSetRegisters(again, sequence, vcpu, in regs)
                    : 0;
            case CommandKind.SwitchEptView:
                return Codec.Read(payload, out SwitchEptView switchView) == CommandStatus.Ok ? Codec.Write(again, sequence, in switchView) : 0;
            case CommandKind.ControlEptView:
                return Codec.Read(payload, out ControlEptView controlView) == CommandStatus.Ok ? Codec.Write(again, sequence, in controlView) : 0;
            case CommandKind.SetVeInfoPage:
                return Codec.Read(payload, out SetVeInfoPage vePage) == CommandStatus.Ok ? Codec.Write(again, sequence, in vePage) : 0;
            case CommandKind.SetPageSve:
                return Codec.Read(payload, out SetPageSve sve) == CommandStatus.Ok ? Codec.Write(again, sequence, in sve) : 0;
            case CommandKind.ControlSpp:
                return Codec.Read(payload, out ControlSpp spp) == CommandStatus.Ok ? Codec.Write(again, sequence, in spp) : 0;
            case CommandKind.ChangeGfn:
                // The captured kernel is from before December 2023.
                return Codec.Read(payload, out ChangeGfn change) == CommandStatus.Ok ? Codec.WriteOldChangeGfn(again, sequence, in change) : 0;
            case CommandKind.GetVcpuInfo or CommandKind.GetEptView or CommandKind.DisableVe:
                return Codec.ReadVcpuOnly(payload, out var only) == CommandStatus.Ok ? Codec.WriteVcpuOnly(again, sequence, kind, only) : 0;
            case CommandKind.GetVersion or CommandKind.GetVmInfo or CommandKind.GetMaxGfn or CommandKind.GetMapToken:
                return Codec.WriteEmpty(again, sequence, kind);
            default:
                throw new InvalidOperationException($"The captures hold {kind}, which this test cannot write.");
        }
    }

    private static byte[] RewriteData(ushort id, ReadOnlySpan<byte> data)
    {
        var again = new byte[8192];
        Codec.TryGetCommand(id, out var kind);
        switch (kind)
        {
            case CommandKind.GetVersion:
                Assert.Equal(DecodeStatus.Ok, Codec.ReadReply(data, out VersionReply version));
                return again[..Codec.WriteData(again, in version)];
            case CommandKind.GetVmInfo:
                Assert.Equal(DecodeStatus.Ok, Codec.ReadReply(data, out VmInfoReply info));
                return again[..Codec.WriteData(again, in info)];
            case CommandKind.GetRegisters:
                Assert.Equal(DecodeStatus.Ok, Codec.ReadReply(data, out RegistersReply registers));
                var state = new VcpuState { Mode = registers.Mode, Regs = registers.Regs, Sregs = registers.Sregs };
                return again[..Codec.WriteRegistersData(again, in state, V7Events.Msrs(registers))];
            case CommandKind.GetMaxGfn:
                Assert.Equal(DecodeStatus.Ok, Codec.ReadNumberReply(data, out var number));
                return BitConverter.GetBytes(number);
            default:
                return data.ToArray();
        }
    }
}
