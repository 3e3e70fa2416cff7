using Kvmi.Protocol.Commands;
using Kvmi.Protocol.Dialects;

namespace Kvmi.Protocol.Tests.Dialects.V7;

/// <summary>What the v7 kernel does with commands and replies that are not as they should be (kvmi-later-dialects.md 3.4, 4.1).</summary>
public sealed class V7KernelRulesTests
{
    private static readonly Dialect Codec = Dialect.Find(KvmiDialect.V7)!;

    private delegate CommandStatus Reader(ReadOnlySpan<byte> payload);

    private static readonly (string Name, int Length, bool HasVcpu, int[] Padding, Reader Read)[] Commands =
    [
        ("CHECK_COMMAND", 8, false, [2, 7], payload => Codec.Read(payload, out CheckCommand _)),
        ("CHECK_EVENT", 8, false, [2, 7], payload => Codec.Read(payload, out CheckEvent _)),
        ("CONTROL_VM_EVENTS", 8, false, [3, 7], payload => Codec.Read(payload, out ControlVmEvents _)),
        ("CONTROL_EVENTS", 16, true, [11, 15], payload => Codec.Read(payload, out ControlEvents _)),
        ("CONTROL_CR", 16, true, [9, 11], payload => Codec.Read(payload, out ControlCr _)),
        ("CONTROL_MSR", 16, true, [9, 11], payload => Codec.Read(payload, out ControlMsr _)),
        ("CONTROL_SINGLESTEP", 16, true, [9, 15], payload => Codec.Read(payload, out ControlSinglestep _)),
        ("CONTROL_CMD_RESPONSE", 8, false, [3, 7], payload => Codec.Read(payload, out ControlCommandResponse _)),
        ("INJECT_EXCEPTION", 24, true, [9, 11], payload => Codec.Read(payload, out InjectException _)),
        ("GET_CPUID", 16, true, [], payload => Codec.Read(payload, out GetCpuid _)),
        ("TRANSLATE_GVA", 16, true, [], payload => Codec.Read(payload, out TranslateGva _)),
        ("GET_VCPU_INFO", 8, true, [], payload => Codec.ReadVcpuOnly(payload, out _)),
        ("GET_REGISTERS", 16, true, [10, 15], payload => Codec.Read(payload, out GetRegisters _)),
        ("SET_REGISTERS", 152, true, [], payload => Codec.ReadSetRegisters(payload, out _, out _)),
        ("SET_PAGE_ACCESS", 8, false, [4, 7], payload => Codec.Read(payload, out SetPageAccess _)),
    ];

    [Fact]
    public void Padding_of_a_command_is_invalid()
    {
        foreach (var (name, length, _, padding, read) in Commands)
        {
            foreach (var position in padding)
            {
                Assert.True(read(With(length, position)) == CommandStatus.Invalid, $"{name}, byte {position}");
            }
        }
    }

    [Fact]
    public void Padding_of_the_vcpu_header_closes()
    {
        foreach (var (name, length, _, _, read) in Commands.Where(command => command.HasVcpu))
        {
            Assert.True(read(With(length, 2)) == CommandStatus.Close, name);
            Assert.True(read(With(length, 7)) == CommandStatus.Close, name);
        }
    }

    [Fact]
    public void Missing_bytes_are_zero_and_surplus_is_ignored()
    {
        foreach (var (name, length, _, _, read) in Commands)
        {
            Assert.True(read(With(length + 8, length)) == CommandStatus.Ok, name + " with surplus");

            // The one that needs all its bytes.
            Assert.Equal(name == "SET_REGISTERS" ? CommandStatus.Invalid : CommandStatus.Ok, read(new byte[1]));
        }
    }

    [Theory]
    [InlineData(2)]
    [InlineData(9)]
    [InlineData(15)]
    public void Padding_of_pause_always_closes(int position) =>
        Assert.Equal(CommandStatus.Close, Codec.Read(With(16, position), out PauseVcpu _));

    [Theory]
    [InlineData(3, 4, CommandStatus.Close)]
    [InlineData(5, 4, CommandStatus.Close)]
    [InlineData(4, 4, CommandStatus.Ok)]
    [InlineData(0, 0, CommandStatus.Ok)]
    public void Write_whose_size_is_not_its_payload_closes(byte size, int bytes, CommandStatus expected)
    {
        var payload = new byte[16 + bytes];
        payload[8] = size;
        Assert.Equal(expected, Codec.Read(payload, out WritePhysical _));
        Assert.Equal(CommandStatus.Close, Codec.Read(payload.AsSpan(0, 15), out WritePhysical _));
    }

    [Fact]
    public void Counts_beyond_the_payload_are_not_believed()
    {
        var registers = new byte[16 + 8];
        registers[8] = 3;
        Assert.Equal(CommandStatus.Invalid, Codec.Read(registers, out GetRegisters _));
        registers[8] = 2;
        Assert.Equal(CommandStatus.Ok, Codec.Read(registers, out GetRegisters _));

        var access = new byte[8 + 31];
        access[2] = 2;
        Assert.Equal(CommandStatus.Close, Codec.Read(access, out SetPageAccess _));
        access[2] = 1;
        Assert.Equal(CommandStatus.Ok, Codec.Read(access, out SetPageAccess one));
        Assert.Equal(1, one.Count);
        access[17] = 1;
        Codec.Read(access, out SetPageAccess padded);
        Assert.False(padded.TryGetEntry(0, out _, out _));
    }

    [Theory]
    [InlineData(EventKind.PauseVcpu)]
    [InlineData(EventKind.Cr)]
    [InlineData(EventKind.PageFault)]
    public void Event_reply_with_surplus_or_padding_closes_and_a_short_one_reads_zeros(EventKind kind)
    {
        var length = Codec.EventReplyLength(kind);
        Assert.Equal(CommandStatus.Ok, ReadReply(kind, new byte[length - 8], out _));
        Assert.Equal(CommandStatus.Close, ReadReply(kind, new byte[length - 7], out _));
        Assert.Equal(CommandStatus.Ok, ReadReply(kind, new byte[9], out _));
        foreach (var position in new[] { 2, 7, 10, 15 })
        {
            Assert.Equal(CommandStatus.Close, ReadReply(kind, With(length - 8, position), out _));
        }

        var cut = With(12, 8);
        Assert.Equal(CommandStatus.Ok, ReadReply(kind, cut, out var action));
        Assert.Equal((EventAction)0xff, action);
    }

    [Theory]
    [InlineData(12)]
    [InlineData(14)]
    [InlineData(15)]
    [InlineData(9)]
    public void Page_fault_reply_with_padding_or_a_context_beyond_256_closes(int position) =>
        Assert.Equal(CommandStatus.Close, ReadReply(EventKind.PageFault, With(288, 16 + position), out _));

    [Fact]
    public void Rules_of_events_are_the_documents()
    {
        EventKind[] retry = [EventKind.Breakpoint, EventKind.PageFault, EventKind.Descriptor];
        foreach (var kind in Enum.GetValues<EventKind>())
        {
            var hasReply = kind is not (EventKind.Unhook or EventKind.CommandError);
            Assert.Equal(hasReply, Codec.ExpectsReply(kind));
            Assert.Equal(hasReply, Codec.IsLegalAction(kind, EventAction.Continue));
            Assert.Equal(hasReply, Codec.IsLegalAction(kind, EventAction.Crash));
            Assert.Equal(retry.Contains(kind), Codec.IsLegalAction(kind, EventAction.Retry));
            Assert.False(Codec.IsLegalAction(kind, (EventAction)3));
            Assert.Equal(kind is EventKind.Unhook or EventKind.CreateVcpu, Codec.IsVmEvent(kind));
            Assert.True(Codec.TryGetEventId(kind, out var id) && Codec.TryGetEvent(id, out var again) && again == kind);
        }

        Assert.False(Codec.TryGetEvent(14, out _));
        Assert.False(Codec.TryGetEventId((EventKind)(-1), out _));
    }

    [Theory]
    [InlineData(14, 552 - 8, DecodeStatus.UnknownId)]
    [InlineData(1, 544, DecodeStatus.TooShort)]
    [InlineData(10, 544, DecodeStatus.Ok)]
    [InlineData(10, 543, DecodeStatus.TooShort)]
    public void Events_that_are_too_short_or_unknown_are_refused(byte id, int payload, DecodeStatus expected)
    {
        var message = new byte[8 + payload];
        new MessageHeader(1, (ushort)payload, 1).Write(message);
        message[8] = 0x20;
        message[9] = 2;
        message[12] = id;
        Assert.Equal(expected, Codec.ReadEvent(message, out _));
        message[8] = 0x1f;
        Assert.NotEqual(DecodeStatus.Ok, Codec.ReadEvent(message, out _));
        message[9] = 0xff;
        Assert.NotEqual(DecodeStatus.Ok, Codec.ReadEvent(message, out _));
        message[0] = 2;
        Assert.Equal(DecodeStatus.UnknownId, Codec.ReadEvent(message, out _));
    }

    [Fact]
    public void Positive_error_codes_are_no_errors_of_the_protocol() =>
        Assert.Equal(DecodeStatus.InvalidField, Codec.ReadReply(With(8, 0), out KvmiError _, out _));

    private static CommandStatus ReadReply(EventKind kind, byte[] payload, out EventAction action)
    {
        var message = new byte[8 + payload.Length];
        new MessageHeader(0, (ushort)payload.Length, 1).Write(message);
        payload.CopyTo(message, 8);
        var status = Codec.ReadEventReply(message, kind, out _, out _, out var reply);
        action = reply.Action;
        return status;
    }

    private static byte[] With(int length, int position)
    {
        var payload = new byte[length];
        payload[position] = 0xff;
        return payload;
    }
}
