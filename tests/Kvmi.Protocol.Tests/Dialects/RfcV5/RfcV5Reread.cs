using Kvmi.Protocol.Commands;
using Kvmi.Protocol.Dialects;
using Kvmi.Protocol.Events;
using Kvmi.Protocol.Registers;

namespace Kvmi.Protocol.Tests.Dialects.RfcV5;

/// <summary>Reads a message with the end that gets it and writes it again with the end that sends it.</summary>
internal static class RfcV5Reread
{
    private static readonly Dialect Codec = Dialect.Find(KvmiDialect.RfcV5)!;

    /// <returns>Null when the kernel's end would not take the command.</returns>
    public static byte[]? Command(Dialect kernel, ReadOnlySpan<byte> message)
    {
        var payload = message.Length < 8 ? default : message[8..];
        if (!MessageHeader.TryRead(message, out var header)
            || kernel.CheckFraming(in header, payload) != CommandStatus.Ok
            || !kernel.TryGetCommand(header.Id, out var kind))
        {
            return null;
        }

        var again = new byte[8 + ushort.MaxValue];
        var seq = header.Sequence;
        var length = kind switch
        {
            CommandKind.GetVersion or CommandKind.GetMapToken or CommandKind.PauseAllVcpus => Codec.WriteEmpty(again, seq, kind),
            CommandKind.GetVmInfo or CommandKind.GetXsave =>
                kernel.ReadVcpuOnly(payload, out var vcpu) == CommandStatus.Ok ? Codec.WriteVcpuOnly(again, seq, kind, vcpu) : 0,
            CommandKind.GetRegisters => kernel.Read(payload, out GetRegisters command) == CommandStatus.Ok
                ? Codec.WriteGetRegisters(again, seq, command.Vcpu, Msrs(command)) : 0,
            CommandKind.SetRegisters => kernel.ReadSetRegisters(payload, out var target, out var regs) == CommandStatus.Ok
                ? Codec.WriteSetRegisters(again, seq, target, in regs) : 0,
            CommandKind.GetPageAccess => kernel.Read(payload, out GetPageAccess command) == CommandStatus.Ok
                ? Codec.WriteGetPageAccess(again, seq, command.Vcpu, command.View, Gpas(command)) : 0,
            CommandKind.SetPageAccess => kernel.Read(payload, out SetPageAccess command) == CommandStatus.Ok && Entries(command) is { } entries
                ? Codec.WriteSetPageAccess(again, seq, command.Vcpu, command.View, entries) : 0,
            CommandKind.InjectException => kernel.Read(payload, out InjectException command) == CommandStatus.Ok ? Codec.Write(again, seq, in command) : 0,
            CommandKind.ReadPhysical => kernel.Read(payload, out ReadPhysical command) == CommandStatus.Ok ? Codec.Write(again, seq, in command) : 0,
            CommandKind.WritePhysical => kernel.Read(payload, out WritePhysical command) == CommandStatus.Ok ? Codec.Write(again, seq, in command) : 0,
            CommandKind.ControlEvents => kernel.Read(payload, out ControlEventMask command) == CommandStatus.Ok ? Codec.Write(again, seq, in command) : 0,
            CommandKind.ControlCr => kernel.Read(payload, out ControlCr command) == CommandStatus.Ok ? Codec.Write(again, seq, in command) : 0,
            CommandKind.ControlMsr => kernel.Read(payload, out ControlMsr command) == CommandStatus.Ok ? Codec.Write(again, seq, in command) : 0,
            CommandKind.ControlVmEvents => kernel.Read(payload, out ControlVmEventMask command) == CommandStatus.Ok ? Codec.Write(again, seq, in command) : 0,
            CommandKind.GetCpuid => kernel.Read(payload, out GetCpuid command) == CommandStatus.Ok ? Codec.Write(again, seq, in command) : 0,
            _ => throw new InvalidOperationException($"No reader for {kind}."),
        };
        return length == 0 ? null : again[..length];
    }

    public static byte[] Reply(ReadOnlySpan<byte> message)
    {
        Assert.True(MessageHeader.TryRead(message, out var header));
        Assert.Equal(DecodeStatus.Ok, Codec.ReadReply(message[8..], out KvmiError error, out var data));
        var again = new byte[8 + ushort.MaxValue];
        return again[..(error != KvmiError.None
            ? Codec.WriteReply(again, header.Id, header.Sequence, error)
            : Codec.WriteReply(again, header.Id, header.Sequence, Data(header.Id, data)))];
    }

    public static byte[] Event(ReadOnlySpan<byte> message)
    {
        Assert.Equal(DecodeStatus.Ok, Codec.ReadEvent(message, out var frame));
        var state = new VcpuState { Mode = frame.Mode, Regs = frame.Regs, Sregs = frame.Sregs, Msrs = frame.Msrs };
        var again = new byte[1024];
        return again[..Codec.WriteEvent(again, frame.Sequence, frame.Vcpu, in state, Body(frame))];
    }

    public static EventBody Body(in EventFrame frame) => frame.Kind switch
    {
        EventKind.Cr => EventBody.Cr(frame.Cr, frame.OldValue, frame.NewValue),
        EventKind.Msr => EventBody.Msr(frame.Msr, frame.OldValue, frame.NewValue),
        EventKind.Breakpoint => EventBody.Breakpoint(frame.Gpa, frame.InstructionLength),
        EventKind.PageFault => EventBody.PageFault(frame.Gva, frame.Gpa, frame.Access),
        EventKind.Trap => EventBody.Trap(frame.Vector, frame.ErrorCode, frame.TrapAddress, frame.TrapType),
        EventKind.Descriptor => EventBody.Descriptor(
            frame.Descriptor, frame.IsDescriptorWrite, frame.DescriptorInstructionInfo, frame.DescriptorExitQualification),
        _ => EventBody.Plain(frame.Kind),
    };

    public static uint[] Msrs(in GetRegisters command)
    {
        var msrs = new uint[command.MsrCount];
        for (var i = 0; i < msrs.Length; i++)
        {
            msrs[i] = command.Msr(i);
        }

        return msrs;
    }

    public static MsrEntry[] Msrs(in RegistersReply reply)
    {
        var msrs = new MsrEntry[reply.MsrCount];
        for (var i = 0; i < msrs.Length; i++)
        {
            msrs[i] = reply.Msr(i);
        }

        return msrs;
    }

    public static ulong[] Gpas(in GetPageAccess command)
    {
        var gpas = new ulong[command.Count];
        for (var i = 0; i < gpas.Length; i++)
        {
            gpas[i] = command.Gpa(i);
        }

        return gpas;
    }

    /// <returns>Null when an entry is refused.</returns>
    public static PageAccessEntry[]? Entries(in SetPageAccess command)
    {
        var entries = new PageAccessEntry[command.Count];
        for (var i = 0; i < entries.Length; i++)
        {
            if (!command.TryGetEntry(i, out var gpa, out var access))
            {
                return null;
            }

            entries[i] = new PageAccessEntry(gpa, (PageAccess)access);
        }

        return entries;
    }

    private static ReadOnlySpan<byte> Data(ushort id, ReadOnlySpan<byte> data)
    {
        Span<byte> again = new byte[ushort.MaxValue];
        switch (id)
        {
            case 1:
                Assert.Equal(DecodeStatus.Ok, Codec.ReadReply(data, out VersionReply version));
                return again[..Codec.WriteData(again, in version)];
            case 3:
                Assert.Equal(DecodeStatus.Ok, Codec.ReadReply(data, out VmInfoReply info));
                return again[..Codec.WriteData(again, in info)];
            case 6:
                Assert.Equal(DecodeStatus.Ok, Codec.ReadReply(data, out RegistersReply registers));
                var state = new VcpuState { Mode = registers.Mode, Regs = registers.Regs, Sregs = registers.Sregs };
                return again[..Codec.WriteRegistersData(again, in state, Msrs(registers))];
            case 15:
                Assert.Equal(DecodeStatus.Ok, Codec.ReadReply(data, out MapToken token));
                return again[..Codec.WriteData(again, in token)];
            case 25:
                Assert.Equal(DecodeStatus.Ok, Codec.ReadReply(data, out CpuidReply cpuid));
                return again[..Codec.WriteData(again, in cpuid)];
            case 27:
                Assert.Equal(DecodeStatus.Ok, Codec.ReadPauseAllReply(data, out var count));
                return again[..Codec.WritePauseAllData(again, count)];
            default:
                return data;
        }
    }
}
