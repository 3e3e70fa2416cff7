using System.Buffers.Binary;
using System.Runtime.InteropServices;
using Kvmi.Protocol.Commands;
using Kvmi.Protocol.Registers;

namespace Kvmi.Protocol.Dialects.RfcV5;

/// <summary>Commands as the tool writes them (rfc-v5 3).</summary>
internal sealed partial class RfcV5Dialect
{
    /// <summary>Also writes GET_GUEST_INFO, which names a vCPU here: 0, the one that the document demands (rfc-v5 3.2).</summary>
    public override int WriteEmpty(Span<byte> destination, uint sequence, CommandKind kind)
    {
        if (kind == CommandKind.GetVmInfo)
        {
            return WriteVcpuOnly(destination, sequence, kind, 0);
        }

        Begin(destination, kind, sequence, Whole(kind, kind is CommandKind.GetVersion or CommandKind.GetMapToken or CommandKind.PauseAllVcpus, 0));
        return MessageHeader.Length;
    }

    public override int WriteVcpuOnly(Span<byte> destination, uint sequence, CommandKind kind, ushort vcpu)
    {
        BeginVcpu(destination, kind, sequence, vcpu, Whole(kind, kind is CommandKind.GetVmInfo or CommandKind.GetXsave, 8));
        return MessageHeader.Length + 8;
    }

    public override int Write(Span<byte> destination, uint sequence, in ControlEventMask command)
    {
        var body = BeginVcpu(destination, CommandKind.ControlEvents, sequence, command.Vcpu, 8);
        BinaryPrimitives.WriteUInt32LittleEndian(body[4..], command.Events);
        return MessageHeader.Length + 8;
    }

    public override int Write(Span<byte> destination, uint sequence, in ControlVmEventMask command)
    {
        var body = Begin(destination, CommandKind.ControlVmEvents, sequence, 8);
        BinaryPrimitives.WriteUInt32LittleEndian(body, command.Events);
        return MessageHeader.Length + 8;
    }

    public override int Write(Span<byte> destination, uint sequence, in ControlCr command)
    {
        var body = BeginVcpu(destination, CommandKind.ControlCr, sequence, command.Vcpu, 8);
        body[2] = command.Enable;
        BinaryPrimitives.WriteUInt32LittleEndian(body[4..], command.Cr);
        return MessageHeader.Length + 8;
    }

    public override int Write(Span<byte> destination, uint sequence, in ControlMsr command)
    {
        var body = BeginVcpu(destination, CommandKind.ControlMsr, sequence, command.Vcpu, 8);
        body[2] = command.Enable;
        BinaryPrimitives.WriteUInt32LittleEndian(body[4..], command.Msr);
        return MessageHeader.Length + 8;
    }

    public override int Write(Span<byte> destination, uint sequence, in InjectException command)
    {
        var body = BeginVcpu(destination, CommandKind.InjectException, sequence, command.Vcpu, 16);
        body[2] = command.Vector;
        body[3] = command.HasErrorCode ? (byte)1 : (byte)0;
        BinaryPrimitives.WriteUInt16LittleEndian(body[4..], (ushort)command.ErrorCode);
        BinaryPrimitives.WriteUInt64LittleEndian(body[8..], command.Address);
        return MessageHeader.Length + 16;
    }

    public override int Write(Span<byte> destination, uint sequence, in GetCpuid command)
    {
        var body = BeginVcpu(destination, CommandKind.GetCpuid, sequence, command.Vcpu, 16);
        BinaryPrimitives.WriteUInt32LittleEndian(body[8..], command.Function);
        BinaryPrimitives.WriteUInt32LittleEndian(body[12..], command.Index);
        return MessageHeader.Length + 16;
    }

    public override int WriteGetRegisters(Span<byte> destination, uint sequence, ushort vcpu, ReadOnlySpan<uint> msrs)
    {
        if (msrs.Length > MaxRequestedMsrs)
        {
            throw new ArgumentException($"An rfc-v5 tool asks for at most {MaxRequestedMsrs} MSRs at once, not for {msrs.Length}.", nameof(msrs));
        }

        var body = BeginVcpu(destination, CommandKind.GetRegisters, sequence, vcpu, 8 + (msrs.Length * 4));
        BinaryPrimitives.WriteUInt16LittleEndian(body[2..], (ushort)msrs.Length);
        for (var i = 0; i < msrs.Length; i++)
        {
            BinaryPrimitives.WriteUInt32LittleEndian(body[(8 + (i * 4))..], msrs[i]);
        }

        return MessageHeader.Length + body.Length;
    }

    public override int WriteSetRegisters(Span<byte> destination, uint sequence, ushort vcpu, in KvmRegs regs)
    {
        var body = BeginVcpu(destination, CommandKind.SetRegisters, sequence, vcpu, 8 + KvmRegs.Length);
        MemoryMarshal.Write(body[8..], in regs);
        return MessageHeader.Length + body.Length;
    }

    public override int WriteGetPageAccess(Span<byte> destination, uint sequence, ushort vcpu, ushort view, ReadOnlySpan<ulong> gpas)
    {
        var body = BeginPages(destination, CommandKind.GetPageAccess, sequence, vcpu, view, gpas.Length, 8);
        for (var i = 0; i < gpas.Length; i++)
        {
            BinaryPrimitives.WriteUInt64LittleEndian(body[(8 + (i * 8))..], gpas[i]);
        }

        return MessageHeader.Length + body.Length;
    }

    public override int WriteSetPageAccess(Span<byte> destination, uint sequence, ushort view, ReadOnlySpan<PageAccessEntry> entries) =>
        WriteSetPageAccess(destination, sequence, 0, view, entries);

    public override int WriteSetPageAccess(
        Span<byte> destination, uint sequence, ushort vcpu, ushort view, ReadOnlySpan<PageAccessEntry> entries)
    {
        var body = BeginPages(destination, CommandKind.SetPageAccess, sequence, vcpu, view, entries.Length, EntryLength);
        for (var i = 0; i < entries.Length; i++)
        {
            var entry = body.Slice(8 + (i * EntryLength), EntryLength);
            BinaryPrimitives.WriteUInt64LittleEndian(entry, entries[i].Gpa);
            entry[8] = (byte)entries[i].Access;
        }

        return MessageHeader.Length + body.Length;
    }

    private Span<byte> BeginPages(
        Span<byte> destination, CommandKind kind, uint sequence, ushort vcpu, ushort view, int count, int entryLength)
    {
        var most = (MaxRequest - MessageHeader.Length - 8) / entryLength;
        if (count > most)
        {
            throw new ArgumentException($"An rfc-v5 tool names at most {most} pages in one {kind}, not {count}.", nameof(count));
        }

        var body = BeginVcpu(destination, kind, sequence, vcpu, 8 + (count * entryLength));
        BinaryPrimitives.WriteUInt16LittleEndian(body[2..], (ushort)count);
        BinaryPrimitives.WriteUInt16LittleEndian(body[4..], view);
        return body;
    }

    // A command of the wrong size ends the session (rfc-v5 1.7), so a caller's mistake must not reach the wire.
    private int Whole(CommandKind kind, bool isWhole, int length)
    {
        if (!RfcV5Ids.TryGetId(kind, out _))
        {
            throw Lacks(kind);
        }

        return isWhole ? length : throw new ArgumentException($"The rfc-v5 command {kind} does not consist of {length} bytes alone.", nameof(kind));
    }
}
