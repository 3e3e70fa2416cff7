using FsCheck;
using FsCheck.Fluent;
using Kvmi.Protocol.Commands;
using Kvmi.Protocol.Dialects;
using Kvmi.Protocol.Events;
using Kvmi.Protocol.Registers;
using Kvmi.Protocol.Tests.Dialects.V7;

namespace Kvmi.Protocol.Tests.Dialects.Later;

/// <summary>What one end writes, the other end reads, for any values: what v7, v11 and v12 have in common.</summary>
public abstract class LaterRoundTripTests(KvmiDialect dialect)
{
    protected delegate int Writer<T>(Span<byte> destination, uint sequence, in T command);

    protected delegate CommandStatus Reader<T>(ReadOnlySpan<byte> payload, out T command);

    protected Dialect Codec { get; } = Dialect.Find(dialect)!;

    /// <summary>What arrives of an event.</summary>
    protected abstract EventBody Arriving(EventBody body);

    [Fact]
    public void Commands_of_numbers_come_through()
    {
        Prop.ForAll<ushort>(id =>
        {
            Same(new CheckCommand(id), Codec.Write, Codec.Read, CommandKind.CheckCommand);
            Same(new CheckEvent(id), Codec.Write, Codec.Read, CommandKind.CheckEvent);
        }).QuickCheckThrowOnFailure();
        Prop.ForAll<ushort, ushort, byte>((vcpu, id, enable) =>
        {
            Same(new ControlVmEvents(id, enable), Codec.Write, Codec.Read, CommandKind.ControlVmEvents);
            Same(new ControlEvents(vcpu, id, enable), Codec.Write, Codec.Read, CommandKind.ControlEvents);
            Same(new ControlSinglestep(vcpu, enable), Codec.Write, Codec.Read, CommandKind.ControlSinglestep);
        }).QuickCheckThrowOnFailure();
        Prop.ForAll<ushort, uint, byte>((vcpu, number, enable) =>
        {
            Same(new ControlCr(vcpu, (byte)number, enable), Codec.Write, Codec.Read, CommandKind.ControlCr);
            Same(new ControlMsr(vcpu, number, enable), Codec.Write, Codec.Read, CommandKind.ControlMsr);
            Same(new GetCpuid(vcpu, number, ~number), Codec.Write, Codec.Read, CommandKind.GetCpuid);
        }).QuickCheckThrowOnFailure();
        Prop.ForAll<ushort, ulong, byte>((vcpu, address, vector) =>
        {
            Same(new TranslateGva(vcpu, address), Codec.Write, Codec.Read, CommandKind.TranslateGva);
            Same(new GetMtrrType(vcpu, address), Codec.Write, Codec.Read, CommandKind.GetMtrrType);
            Same(new ReadPhysical(address, vcpu), Codec.Write, Codec.Read, CommandKind.ReadPhysical);
            Same(new InjectException(vcpu, vector, (uint)address, address), Codec.Write, Codec.Read, CommandKind.InjectException);
        }).QuickCheckThrowOnFailure();
        Prop.ForAll<ushort, byte, bool>((vcpu, number, wait) =>
        {
            Same(new PauseVcpu(vcpu, wait), Codec.Write, Codec.Read, CommandKind.PauseVcpu);
            Same(new GetXcr(vcpu, number), Codec.Write, Codec.Read, CommandKind.GetXcr);
        }).QuickCheckThrowOnFailure();
    }

    [Fact]
    public void Commands_of_lists_and_bytes_come_through() => Prop.ForAll<ushort, uint[], byte[]>((vcpu, numbers, bytes) =>
    {
        var message = new byte[8192];
        var length = Codec.WriteGetRegisters(message, 5, vcpu, numbers);
        Assert.Equal(CommandStatus.Ok, Codec.Read(Payload(message, length, CommandKind.GetRegisters), out GetRegisters registers));
        Assert.Equal(vcpu, registers.Vcpu);
        Assert.Equal(numbers, V7Events.Msrs(registers));

        PageAccessEntry[] entries = [.. numbers.Select(number => new PageAccessEntry((ulong)number << 12, (PageAccess)(number & 7)))];
        length = Codec.WriteSetPageAccess(message, 5, 0, entries);
        Assert.Equal(CommandStatus.Ok, Codec.Read(Payload(message, length, CommandKind.SetPageAccess), out SetPageAccess access));
        Assert.Equal(0, access.View);
        Assert.Equal(entries, V7Events.Entries(access));

        var write = new WritePhysical(vcpu, bytes);
        length = Codec.Write(message, 5, in write);
        Assert.Equal(CommandStatus.Ok, Codec.Read(Payload(message, length, CommandKind.WritePhysical), out WritePhysical read));
        Assert.Equal(vcpu, read.Gpa);
        Assert.Equal(bytes, read.Data.ToArray());

        var regs = V7States.State(numbers).Regs;
        length = Codec.WriteSetRegisters(message, 5, vcpu, in regs);
        Assert.Equal(CommandStatus.Ok, Codec.ReadSetRegisters(Payload(message, length, CommandKind.SetRegisters), out var read2, out var regs2));
        Assert.Equal((vcpu, regs), (read2, regs2));

        length = Codec.WriteVcpuOnly(message, 5, CommandKind.GetVcpuInfo, vcpu);
        Assert.Equal(CommandStatus.Ok, Codec.ReadVcpuOnly(Payload(message, length, CommandKind.GetVcpuInfo), out var only));
        Assert.Equal(vcpu, only);
        Assert.True(Payload(message, Codec.WriteEmpty(message, 5, CommandKind.GetVmInfo), CommandKind.GetVmInfo).IsEmpty);

        var area = new byte[4096];
        bytes.AsSpan(0, Math.Min(bytes.Length, area.Length)).CopyTo(area);
        length = Codec.WriteSetXsave(message, 5, vcpu, area);
        Assert.Equal(CommandStatus.Ok, Codec.ReadSetXsave(Payload(message, length, CommandKind.SetXsave), out var read3, out var area2));
        Assert.Equal(vcpu, read3);
        Assert.True(area2.SequenceEqual(area));
    }).QuickCheckThrowOnFailure();

    [Fact]
    public void Replies_come_through() => Prop.ForAll<uint, ulong, uint[]>((number, value, numbers) =>
    {
        var message = new byte[8192];
        var data = new byte[8176];
        var length = Codec.WriteReply(message, 9, 5, (KvmiError)(-(int)(number % 2000) - 1));
        Assert.Equal(DecodeStatus.Ok, Codec.ReadReply(message.AsSpan(8, length - 8), out KvmiError error, out var none));
        Assert.Equal(-(int)(number % 2000) - 1, (int)error);
        Assert.True(none.IsEmpty);

        var version = new VersionReply(number, (uint)value, value);
        Assert.Equal(DecodeStatus.Ok, Codec.ReadReply(Through(data.AsSpan(0, Codec.WriteData(data, in version))), out VersionReply version2));
        Assert.Equal(version, version2);

        Assert.Equal(DecodeStatus.Ok, Codec.ReadReply(Through(data.AsSpan(0, Codec.WriteData(data, new VmInfoReply(number, 0)))), out VmInfoReply info));
        Assert.Equal(number, info.VcpuCount);

        Assert.Equal(DecodeStatus.Ok, Codec.ReadNumberReply(Through(BitConverter.GetBytes(value)), out var value2));
        Assert.Equal(value, value2);

        var state = V7States.State(numbers);
        MsrEntry[] msrs = [.. numbers.Select(index => new MsrEntry(index, value))];
        var written = Codec.WriteRegistersData(data, in state, msrs);
        Assert.Equal(DecodeStatus.Ok, Codec.ReadReply(Through(data.AsSpan(0, written)), out RegistersReply registers));
        Assert.Equal((state.Mode, state.Regs, state.Sregs), (registers.Mode, registers.Regs, registers.Sregs));
        Assert.Equal(msrs, V7Events.Msrs(registers));
    }).QuickCheckThrowOnFailure();

    [Fact]
    public void Events_come_through() => Prop.ForAll<ushort, ulong, uint[]>((vcpu, value, numbers) =>
    {
        foreach (var body in V7States.Bodies(value, (uint)numbers.Length + (uint)value).Where(body => Codec.TryGetEventId(body.Kind, out _)))
        {
            var state = V7States.State(numbers);
            var message = new byte[1024];
            var length = Codec.WriteEvent(message, 77, vcpu, in state, in body);
            Assert.Equal(DecodeStatus.Ok, Codec.ReadEvent(message.AsSpan(0, length), out var frame));
            Assert.Equal((body.Kind, 77u), (frame.Kind, frame.Sequence));
            var isBare = !Codec.ExpectsReply(body.Kind);
            Assert.Equal(isBare ? 0 : vcpu, frame.Vcpu);
            Assert.Equal(
                isBare ? default : (state.Mode, dialect == KvmiDialect.V7 ? state.View : (ushort)0, state.Regs, state.Sregs, state.Msrs),
                (frame.Mode, frame.View, frame.Regs, frame.Sregs, frame.Msrs));
            Assert.Equal(Arriving(body), V7Events.Body(frame));
        }
    }).QuickCheckThrowOnFailure();

    [Fact]
    public void Event_replies_come_through() => Prop.ForAll<ushort, ulong, byte[]>((vcpu, value, bytes) =>
    {
        foreach (var kind in Enum.GetValues<EventKind>().Where(Codec.ExpectsReply))
        {
            var hasValue = kind is EventKind.Cr or EventKind.Msr;
            var hasContext = dialect == KvmiDialect.V7 && kind == EventKind.PageFault;
            var reply = new EventReply
            {
                Action = (EventAction)(value % 3),
                NewValue = hasValue ? value : 0,
                ContextAddress = hasContext ? value : 0,
                RepComplete = hasContext ? (byte)(value >> 8) : (byte)0,
                Context = hasContext ? bytes.AsSpan(0, Math.Min(256, bytes.Length)) : default,
            };
            var message = new byte[512];
            var length = Codec.WriteEventReply(message, 78, vcpu, kind, in reply);
            Assert.Equal(Codec.EventReplyLength(kind), length);
            Assert.Equal(MessageRole.EventReply, Codec.Classify(MessageDirection.ToolToKernel, BitConverter.ToUInt16(message)));
            Assert.Equal(CommandStatus.Ok, Codec.ReadEventReply(message.AsSpan(0, length), kind, out var vcpu2, out var id, out var again));
            Assert.True(Codec.TryGetEventId(kind, out var wireId));
            Assert.Equal((vcpu, wireId), (vcpu2, id));
            Assert.Equal((reply.Action, reply.NewValue, reply.ContextAddress, reply.RepComplete), (again.Action, again.NewValue, again.ContextAddress, again.RepComplete));
            Assert.True(reply.Context.SequenceEqual(again.Context));
        }
    }).QuickCheckThrowOnFailure();

    [Fact]
    public void Limits_of_one_message_are_kept()
    {
        var message = new byte[16384];
        Assert.Equal(8 + 8 + (511 * 16), Codec.WriteSetPageAccess(message, 1, 0, new PageAccessEntry[Codec.MaxPageAccessEntries]));
        Assert.Throws<ArgumentException>(() => Codec.WriteSetPageAccess(message, 1, 0, new PageAccessEntry[Codec.MaxPageAccessEntries + 1]));
        Assert.Throws<ArgumentException>(() => Codec.WriteGetRegisters(message, 1, 0, new uint[3000]));
        Assert.Throws<ArgumentException>(() => Codec.WriteReply(message, 2, 1, new byte[8177]));
        Assert.Throws<ArgumentException>(() => Codec.WriteEmpty(new byte[7], 1, CommandKind.GetVersion));
        Assert.Throws<CommandNotInDialectException>(() => Codec.WriteEmpty(message, 1, CommandKind.PauseAllVcpus));
        Assert.Throws<ArgumentException>(() => Codec.WriteSetXsave(message, 1, 0, new byte[4097]));
    }

    protected ReadOnlySpan<byte> Payload(byte[] message, int length, CommandKind kind)
    {
        Assert.True(MessageHeader.TryRead(message, out var header));
        Assert.Equal(length, header.MessageLength);
        Assert.True(Codec.TryGetCommand(header.Id, out var read));
        Assert.Equal(kind, read);
        Assert.Equal(MessageRole.Command, Codec.Classify(MessageDirection.ToolToKernel, header.Id));
        return message.AsSpan(MessageHeader.Length, header.Size);
    }

    protected void Same<T>(T command, Writer<T> write, Reader<T> read, CommandKind kind)
        where T : struct
    {
        var message = new byte[64];
        var length = write(message, 5, in command);
        Assert.Equal(CommandStatus.Ok, read(Payload(message, length, kind), out var again));
        Assert.Equal(command, again);
    }

    private ReadOnlySpan<byte> Through(ReadOnlySpan<byte> data)
    {
        var message = new byte[8192];
        var length = Codec.WriteReply(message, 2, 5, data);
        Assert.Equal(DecodeStatus.Ok, Codec.ReadReply(message.AsSpan(8, length - 8), out KvmiError error, out var read));
        Assert.Equal(KvmiError.None, error);
        return read;
    }
}
