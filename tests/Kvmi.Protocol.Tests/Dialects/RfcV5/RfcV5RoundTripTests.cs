using FsCheck;
using FsCheck.Fluent;
using Kvmi.Protocol.Commands;
using Kvmi.Protocol.Dialects;
using Kvmi.Protocol.Dialects.RfcV5;
using Kvmi.Protocol.Events;
using Kvmi.Protocol.Registers;
using Kvmi.Protocol.Tests.Dialects.V7;
using Kvmi.TestSupport;

namespace Kvmi.Protocol.Tests.Dialects.RfcV5;

/// <summary>What one end writes, the other end reads, for any values.</summary>
public sealed class RfcV5RoundTripTests
{
    private delegate int Writer<T>(Span<byte> destination, uint sequence, in T command);

    private delegate CommandStatus Reader<T>(ReadOnlySpan<byte> payload, out T command);

    private static readonly Dialect Codec = Dialect.Find(KvmiDialect.RfcV5)!;

    [Fact]
    public void Commands_of_numbers_come_through()
    {
        Prop.ForAll<ushort, uint, byte>((vcpu, number, enable) =>
        {
            Same(new ControlEventMask(vcpu, number), Codec.Write, Codec.Read, CommandKind.ControlEvents);
            Same(new ControlVmEventMask(number), Codec.Write, Codec.Read, CommandKind.ControlVmEvents);
            Same(new ControlCr(vcpu, number, enable), Codec.Write, Codec.Read, CommandKind.ControlCr);
            Same(new ControlMsr(vcpu, number, enable), Codec.Write, Codec.Read, CommandKind.ControlMsr);
            Same(new GetCpuid(vcpu, number, ~number), Codec.Write, Codec.Read, CommandKind.GetCpuid);
        }).QuickCheckThrowOnFailure();
        Prop.ForAll<ushort, ulong, byte>((vcpu, address, vector) =>
        {
            Same(new ReadPhysical(address, ~address), Codec.Write, Codec.Read, CommandKind.ReadPhysical);
            foreach (var hasError in new[] { true, false })
            {
                var inject = new InjectException(vcpu, vector, (ushort)address, address) { HasErrorCode = hasError };
                Same(inject, Codec.Write, Codec.Read, CommandKind.InjectException);
            }
        }).QuickCheckThrowOnFailure();
    }

    [Fact]
    public void Commands_of_lists_and_bytes_come_through() => Prop.ForAll<ushort, uint[], byte[]>((vcpu, numbers, bytes) =>
    {
        var message = new byte[8192];
        uint[] msrs = [.. numbers.Take(128)];
        var length = Codec.WriteGetRegisters(message, 5, vcpu, msrs);
        Assert.Equal(CommandStatus.Ok, Codec.Read(Payload(message, length, CommandKind.GetRegisters), out GetRegisters registers));
        Assert.Equal(vcpu, registers.Vcpu);
        Assert.Equal(msrs, RfcV5Reread.Msrs(registers));

        PageAccessEntry[] entries = [.. numbers.Take(255).Select(number => new PageAccessEntry((ulong)number << 12, (PageAccess)(number & 7)))];
        length = Codec.WriteSetPageAccess(message, 5, vcpu, (ushort)~vcpu, entries);
        Assert.Equal(CommandStatus.Ok, Codec.Read(Payload(message, length, CommandKind.SetPageAccess), out SetPageAccess set));
        Assert.Equal((vcpu, (ushort)~vcpu), (set.Vcpu, set.View));
        Assert.Equal(entries, RfcV5Reread.Entries(set));

        ulong[] gpas = [.. entries.Select(entry => entry.Gpa)];
        length = Codec.WriteGetPageAccess(message, 5, vcpu, (ushort)~vcpu, gpas);
        Assert.Equal(CommandStatus.Ok, Codec.Read(Payload(message, length, CommandKind.GetPageAccess), out GetPageAccess get));
        Assert.Equal((vcpu, (ushort)~vcpu), (get.Vcpu, get.View));
        Assert.Equal(gpas, RfcV5Reread.Gpas(get));

        var write = new WritePhysical(vcpu, bytes);
        length = Codec.Write(message, 5, in write);
        Assert.Equal(CommandStatus.Ok, Codec.Read(Payload(message, length, CommandKind.WritePhysical), out WritePhysical read));
        Assert.Equal(vcpu, read.Gpa);
        Assert.Equal(bytes, read.Data.ToArray());

        var regs = V7States.State(numbers).Regs;
        length = Codec.WriteSetRegisters(message, 5, vcpu, in regs);
        Assert.Equal(CommandStatus.Ok, Codec.ReadSetRegisters(Payload(message, length, CommandKind.SetRegisters), out var vcpu2, out var regs2));
        Assert.Equal((vcpu, regs), (vcpu2, regs2));
    }).QuickCheckThrowOnFailure();

    [Fact]
    public void Replies_come_through() => Prop.ForAll<uint, ulong, uint[]>((number, value, numbers) =>
    {
        var data = new byte[16384];
        var version = new VersionReply(number, 0, 0) { CommandMask = (uint)value, EventMask = ~number };
        Assert.Equal(DecodeStatus.Ok, Codec.ReadReply(Through(data.AsSpan(0, Codec.WriteData(data, in version))), out VersionReply version2));
        Assert.Equal(version, version2);
        Assert.Equal(DecodeStatus.Ok, Codec.ReadReply(Through(data.AsSpan(0, Codec.WriteData(data, new VmInfoReply(number, value)))), out VmInfoReply info));
        Assert.Equal(new VmInfoReply(number, value), info);
        Assert.Equal(DecodeStatus.Ok, Codec.ReadPauseAllReply(Through(data.AsSpan(0, Codec.WritePauseAllData(data, number))), out var paused));
        Assert.Equal(number, paused);
        var token = new MapToken(value, ~value, number, ~number);
        Assert.Equal(DecodeStatus.Ok, Codec.ReadReply(Through(data.AsSpan(0, Codec.WriteData(data, in token))), out MapToken token2));
        Assert.Equal(token, token2);
        var state = V7States.State(numbers);
        MsrEntry[] msrs = [.. numbers.Select(index => new MsrEntry(index, value))];
        var written = Codec.WriteRegistersData(data, in state, msrs);
        Assert.Equal(DecodeStatus.Ok, Codec.ReadReply(Through(data.AsSpan(0, written)), out RegistersReply registers));
        Assert.Equal((state.Mode, state.Regs, state.Sregs), (registers.Mode, registers.Regs, registers.Sregs));
        Assert.Equal(msrs, RfcV5Reread.Msrs(registers));
    }).QuickCheckThrowOnFailure();

    [Fact]
    public void Events_come_through() => Prop.ForAll<ushort, ulong, uint[]>((vcpu, value, numbers) =>
    {
        EventBody[] bodies =
        [
            .. V7States.Bodies(value, (uint)numbers.Length + (uint)value).Where(body => Codec.TryGetEventId(body.Kind, out _)),
            EventBody.Trap((byte)value, (uint)value, ~value, (uint)numbers.Length << 8),
            EventBody.Descriptor(DescriptorTable.Ldtr, true, (uint)value, ~value),
        ];
        foreach (var body in bodies)
        {
            var state = V7States.State(numbers);
            var message = new byte[1024];
            var length = Codec.WriteEvent(message, 77, vcpu, in state, in body);
            Assert.Equal(DecodeStatus.Ok, Codec.ReadEvent(message.AsSpan(0, length), out var frame));
            var isBare = body.Kind == EventKind.Unhook;
            Assert.Equal((body.Kind, 77u, isBare ? (ushort)0 : vcpu), (frame.Kind, frame.Sequence, frame.Vcpu));
            Assert.Equal(isBare ? default : (state.Mode, state.Regs, state.Sregs, state.Msrs), (frame.Mode, frame.Regs, frame.Sregs, frame.Msrs));

            // What this dialect's events do not carry.
            var expected = body.Kind switch
            {
                EventKind.Xsetbv => EventBody.Plain(EventKind.Xsetbv),
                EventKind.Breakpoint => EventBody.Breakpoint(body.Second, 1),
                EventKind.PageFault => EventBody.PageFault(body.First, body.Second, body.Access),
                _ => body,
            };
            Assert.Equal(expected, RfcV5Reread.Body(frame));
        }
    }).QuickCheckThrowOnFailure();

    [Fact]
    public void Event_replies_come_through() => Prop.ForAll<ushort, ulong, byte[]>((vcpu, value, bytes) =>
    {
        foreach (var kind in Enum.GetValues<EventKind>().Where(Codec.ExpectsReply))
        {
            var hasValue = kind is EventKind.Cr or EventKind.Msr;
            var isFault = kind == EventKind.PageFault;
            var reply = new EventReply
            {
                Action = (EventAction)(value % 3),
                NewValue = hasValue ? value : 0,
                Singlestep = isFault ? (byte)value : (byte)0,
                RepComplete = isFault ? (byte)(value >> 8) : (byte)0,
                Context = isFault ? bytes.AsSpan(0, Math.Min(256, bytes.Length)) : default,
            };
            var message = new byte[512];
            var length = Codec.WriteEventReply(message, 78, vcpu, kind, in reply);
            Assert.Equal(Codec.EventReplyLength(kind), length);
            Assert.True(MessageHeader.TryRead(message, out var header));
            Assert.Equal(CommandStatus.Ok, Codec.CheckFraming(in header, message.AsSpan(8, length - 8)));
            Assert.Equal(CommandStatus.Ok, Codec.ReadEventReply(message.AsSpan(0, length), kind, out _, out var id, out var again));
            Assert.Equal((byte)kind, id);
            Assert.Equal((reply.Action, reply.NewValue, reply.Singlestep, reply.RepComplete), (again.Action, again.NewValue, again.Singlestep, again.RepComplete));
            Assert.True(reply.Context.SequenceEqual(again.Context));
        }
    }).QuickCheckThrowOnFailure();

    [Fact]
    public void An_action_beyond_a_byte_is_no_legal_one()
    {
        var message = new byte[16];
        Codec.WriteEventReply(message, 1, 0, EventKind.PauseVcpu, default);
        message[9] = 1;
        Assert.Equal(CommandStatus.Ok, Codec.ReadEventReply(message, EventKind.PauseVcpu, out _, out _, out var reply));
        Assert.False(Codec.IsLegalAction(EventKind.PauseVcpu, reply.Action));
    }

    [Fact]
    public void Padding_matters_to_the_documented_profile_alone()
    {
        (string Vector, int[] Padding)[] cases =
        [
            ("C4", [10]), ("C10", [12, 15]), ("C13", [10, 15]), ("C15", [10]), ("C18", [14]), ("C22", [14, 25, 47]), ("C26", [14]), ("C36", [10]),
            ("C38", [11]), ("C39", [11]), ("C40", [12]), ("C41", [15]),
        ];
        foreach (var (vector, positions) in cases)
        {
            foreach (var position in positions)
            {
                var bytes = RfcV5Vectors.Bytes(vector).ToArray();
                bytes[position] = 1;
                Assert.True(RfcV5Reread.Command(RfcV5Dialect.Instance, bytes) is not null, $"{vector} at {position}");
                Assert.True(RfcV5Reread.Command(RfcV5Dialect.Documented, bytes) is null, $"{vector} at {position}");
            }
        }
    }

    [Fact]
    public void Limits_of_one_message_are_kept()
    {
        var message = new byte[70_000];
        Assert.Equal(8 + 8 + (255 * 16), Codec.WriteSetPageAccess(message, 1, 0, new PageAccessEntry[Codec.MaxPageAccessEntries]));
        Assert.Throws<ArgumentException>(() => Codec.WriteSetPageAccess(message, 1, 0, new PageAccessEntry[256]));
        Assert.Throws<ArgumentException>(() => Codec.WriteGetPageAccess(message, 1, 0, 0, new ulong[511]));
        Assert.Throws<ArgumentException>(() => Codec.WriteGetRegisters(message, 1, 0, new uint[129]));
        Assert.Throws<ArgumentException>(() => Codec.WriteReply(message, 2, 1, new byte[65_528]));
        Assert.Equal(8 + 65_535, Codec.WriteReply(message, 2, 1, new byte[65_527]));
        Assert.Throws<ArgumentException>(() => Codec.WriteEmpty(new byte[7], 1, CommandKind.GetVersion));
        Assert.Throws<ArgumentException>(() => Codec.WriteEmpty(message, 1, CommandKind.ReadPhysical));
        Assert.Throws<ArgumentException>(() => Codec.WriteVcpuOnly(message, 1, CommandKind.GetCpuid, 0));
        Assert.Throws<ArgumentException>(() => Codec.WriteEventReply(message, 1, 0, EventKind.PageFault, new EventReply { Context = new byte[257] }));
        Assert.Throws<ArgumentException>(() => Codec.WriteEvent(message, 1, 0, default, EventBody.Singlestep(false)));
    }

    [Fact]
    public void What_the_dialect_lacks_is_a_typed_error()
    {
        var message = new byte[64];
        var error = Assert.Throws<CommandNotInDialectException>(() => Codec.Write(message, 1, new TranslateGva(0, 0)));
        Assert.Equal((KvmiDialect.RfcV5, CommandKind.TranslateGva), (error.Dialect, error.Command));
        Assert.Throws<CommandNotInDialectException>(() => Codec.Write(message, 1, new ControlEvents(0, 1, 1)));
        Assert.Throws<CommandNotInDialectException>(() => Codec.Write(message, 1, new CheckCommand(1)));
        Assert.Throws<CommandNotInDialectException>(() => Codec.WriteEmpty(message, 1, CommandKind.GetMaxGfn));
        Assert.Throws<CommandNotInDialectException>(() => Codec.WriteVcpuOnly(message, 1, CommandKind.GetEptView, 0));
    }

    [Fact]
    public void Replies_of_another_size_are_refused()
    {
        Assert.Equal(DecodeStatus.TooLong, Codec.ReadReply(new byte[20], out VersionReply _));
        Assert.Equal(DecodeStatus.TooShort, Codec.ReadReply(new byte[12], out VmInfoReply _));
        Assert.Equal(DecodeStatus.TooLong, Codec.ReadReply(new byte[473], out RegistersReply _));
        byte[] wrapped = new byte[472];
        BitConverter.TryWriteBytes(wrapped.AsSpan(464), 4066);
        Assert.Equal(DecodeStatus.TooShort, Codec.ReadReply(wrapped, out RegistersReply _));
        Assert.Equal(DecodeStatus.TooLong, Codec.ReadReply([0xEA, 0xFF, 0xFF, 0xFF, 0, 0, 0, 0, 1], out KvmiError _, out _));
        Assert.Equal(DecodeStatus.InvalidField, Codec.ReadReply([22, 0, 0, 0, 0, 0, 0, 0], out KvmiError _, out _));
    }

    private static ReadOnlySpan<byte> Payload(byte[] message, int length, CommandKind kind)
    {
        Assert.True(MessageHeader.TryRead(message, out var header));
        Assert.Equal(length, header.MessageLength);
        Assert.True(Codec.TryGetCommand(header.Id, out var read));
        Assert.Equal(kind, read);
        var payload = message.AsSpan(MessageHeader.Length, header.Size);
        Assert.Equal(CommandStatus.Ok, Codec.CheckFraming(in header, payload));
        return payload;
    }

    private static void Same<T>(T command, Writer<T> write, Reader<T> read, CommandKind kind)
        where T : struct
    {
        var message = new byte[64];
        var length = write(message, 5, in command);
        Assert.Equal(CommandStatus.Ok, read(Payload(message, length, kind), out var again));
        Assert.Equal(command, again);
    }

    private static ReadOnlySpan<byte> Through(ReadOnlySpan<byte> data)
    {
        var message = new byte[20_000];
        var length = Codec.WriteReply(message, 2, 5, data);
        Assert.Equal(DecodeStatus.Ok, Codec.ReadReply(message.AsSpan(8, length - 8), out KvmiError error, out var read));
        Assert.Equal(KvmiError.None, error);
        return read;
    }
}
