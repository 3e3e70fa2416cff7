using System.Buffers.Binary;
using System.Runtime.InteropServices;
using Kvmi.Protocol.Commands;
using Kvmi.Protocol.Registers;

namespace Kvmi.Protocol.Dialects.Later;

/// <summary>Commands as the tool writes them (kvmi-later-dialects.md 3.6, 3.7).</summary>
internal abstract partial class LaterDialect
{
    public override int WriteEmpty(Span<byte> destination, uint sequence, CommandKind kind)
    {
        Begin(destination, kind, sequence, 0);
        return MessageHeader.Length;
    }

    public override int WriteVcpuOnly(Span<byte> destination, uint sequence, CommandKind kind, ushort vcpu)
    {
        BeginVcpu(destination, kind, sequence, vcpu, 0);
        return MessageHeader.Length + VcpuHeader;
    }

    public override int Write(Span<byte> destination, uint sequence, in CheckCommand command)
    {
        var body = Begin(destination, CommandKind.CheckCommand, sequence, 8);
        BinaryPrimitives.WriteUInt16LittleEndian(body, command.Id);
        return MessageHeader.Length + 8;
    }

    public override int Write(Span<byte> destination, uint sequence, in CheckEvent command)
    {
        var body = Begin(destination, CommandKind.CheckEvent, sequence, 8);
        BinaryPrimitives.WriteUInt16LittleEndian(body, command.Id);
        return MessageHeader.Length + 8;
    }

    public override int Write(Span<byte> destination, uint sequence, in ControlVmEvents command)
    {
        var body = Begin(destination, CommandKind.ControlVmEvents, sequence, 8);
        BinaryPrimitives.WriteUInt16LittleEndian(body, command.EventId);
        body[2] = command.Enable;
        return MessageHeader.Length + 8;
    }

    public override int Write(Span<byte> destination, uint sequence, in ControlEvents command)
    {
        var body = BeginVcpu(destination, CommandKind.ControlEvents, sequence, command.Vcpu, 8);
        BinaryPrimitives.WriteUInt16LittleEndian(body, command.EventId);
        body[2] = command.Enable;
        return MessageHeader.Length + VcpuHeader + 8;
    }

    public override int Write(Span<byte> destination, uint sequence, in ControlMsr command)
    {
        var body = BeginVcpu(destination, CommandKind.ControlMsr, sequence, command.Vcpu, 8);
        body[0] = command.Enable;
        BinaryPrimitives.WriteUInt32LittleEndian(body[4..], command.Msr);
        return MessageHeader.Length + VcpuHeader + 8;
    }

    public override int Write(Span<byte> destination, uint sequence, in InjectException command)
    {
        var body = BeginVcpu(destination, CommandKind.InjectException, sequence, command.Vcpu, 16);
        body[0] = command.Vector;
        BinaryPrimitives.WriteUInt32LittleEndian(body[4..], command.ErrorCode);
        BinaryPrimitives.WriteUInt64LittleEndian(body[8..], command.Address);
        return MessageHeader.Length + VcpuHeader + 16;
    }

    public override int Write(Span<byte> destination, uint sequence, in GetCpuid command)
    {
        var body = BeginVcpu(destination, CommandKind.GetCpuid, sequence, command.Vcpu, 8);
        BinaryPrimitives.WriteUInt32LittleEndian(body, command.Function);
        BinaryPrimitives.WriteUInt32LittleEndian(body[4..], command.Index);
        return MessageHeader.Length + VcpuHeader + 8;
    }

    public override int Write(Span<byte> destination, uint sequence, in TranslateGva command)
    {
        var body = BeginVcpu(destination, CommandKind.TranslateGva, sequence, command.Vcpu, 8);
        BinaryPrimitives.WriteUInt64LittleEndian(body, command.Gva);
        return MessageHeader.Length + VcpuHeader + 8;
    }

    public override int Write(Span<byte> destination, uint sequence, in ControlSinglestep command)
    {
        var body = BeginVcpu(destination, CommandKind.ControlSinglestep, sequence, command.Vcpu, 8);
        body[0] = command.Enable;
        return MessageHeader.Length + VcpuHeader + 8;
    }

    public override int WriteGetRegisters(Span<byte> destination, uint sequence, ushort vcpu, ReadOnlySpan<uint> msrs)
    {
        var body = BeginVcpu(destination, CommandKind.GetRegisters, sequence, vcpu, 8 + (msrs.Length * 4));
        BinaryPrimitives.WriteUInt16LittleEndian(body, (ushort)msrs.Length);
        for (var i = 0; i < msrs.Length; i++)
        {
            BinaryPrimitives.WriteUInt32LittleEndian(body[(8 + (i * 4))..], msrs[i]);
        }

        return MessageHeader.Length + VcpuHeader + body.Length;
    }

    public override int WriteSetRegisters(Span<byte> destination, uint sequence, ushort vcpu, in KvmRegs regs)
    {
        var body = BeginVcpu(destination, CommandKind.SetRegisters, sequence, vcpu, KvmRegs.Length);
        MemoryMarshal.Write(body, in regs);
        return MessageHeader.Length + VcpuHeader + KvmRegs.Length;
    }

    public override int Write(Span<byte> destination, uint sequence, in GetXcr command)
    {
        var body = BeginVcpu(destination, CommandKind.GetXcr, sequence, command.Vcpu, 8);
        body[0] = command.Xcr;
        return MessageHeader.Length + VcpuHeader + 8;
    }

    public override int Write(Span<byte> destination, uint sequence, in GetMtrrType command)
    {
        var body = BeginVcpu(destination, CommandKind.GetMtrrType, sequence, command.Vcpu, 8);
        BinaryPrimitives.WriteUInt64LittleEndian(body, command.Gpa);
        return MessageHeader.Length + VcpuHeader + 8;
    }

    protected static void WriteEntries(Span<byte> destination, ReadOnlySpan<PageAccessEntry> entries)
    {
        for (var i = 0; i < entries.Length; i++)
        {
            var entry = destination.Slice(i * EntryLength, EntryLength);
            BinaryPrimitives.WriteUInt64LittleEndian(entry, entries[i].Gpa);
            entry[8] = (byte)entries[i].Access;
        }
    }
}
