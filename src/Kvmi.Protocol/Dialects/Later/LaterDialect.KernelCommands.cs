using System.Buffers.Binary;
using System.Runtime.InteropServices;
using Kvmi.Protocol.Commands;
using Kvmi.Protocol.Registers;

namespace Kvmi.Protocol.Dialects.Later;

/// <summary>
/// Commands as the kernel reads them. A payload that is too short reads as if zeros followed, surplus is ignored, padding that is
/// not zero is −EINVAL (kvmi-later-dialects.md 3.4).
/// </summary>
internal abstract partial class LaterDialect
{
    public override CommandStatus ReadVcpuOnly(ReadOnlySpan<byte> payload, out ushort vcpu)
    {
        Span<byte> fixedPart = stackalloc byte[VcpuHeader];
        return ReadVcpuHeader(payload, fixedPart, out vcpu);
    }

    public override CommandStatus Read(ReadOnlySpan<byte> payload, out CheckCommand command)
    {
        Span<byte> body = stackalloc byte[8];
        Fill(payload, body);
        command = new CheckCommand(BinaryPrimitives.ReadUInt16LittleEndian(body));
        return Padding(body[2..]);
    }

    public override CommandStatus Read(ReadOnlySpan<byte> payload, out CheckEvent command)
    {
        Span<byte> body = stackalloc byte[8];
        Fill(payload, body);
        command = new CheckEvent(BinaryPrimitives.ReadUInt16LittleEndian(body));
        return Padding(body[2..]);
    }

    public override CommandStatus Read(ReadOnlySpan<byte> payload, out ControlVmEvents command)
    {
        Span<byte> body = stackalloc byte[8];
        Fill(payload, body);
        command = new ControlVmEvents(BinaryPrimitives.ReadUInt16LittleEndian(body), body[2]);
        return Padding(body[3..]);
    }

    public override CommandStatus Read(ReadOnlySpan<byte> payload, out ControlEvents command)
    {
        Span<byte> full = stackalloc byte[VcpuHeader + 8];
        var status = ReadVcpuHeader(payload, full, out var vcpu);
        var body = full[VcpuHeader..];
        command = new ControlEvents(vcpu, BinaryPrimitives.ReadUInt16LittleEndian(body), body[2]);
        return Worse(status, Padding(body[3..]));
    }

    public override CommandStatus Read(ReadOnlySpan<byte> payload, out ControlMsr command)
    {
        Span<byte> full = stackalloc byte[VcpuHeader + 8];
        var status = ReadVcpuHeader(payload, full, out var vcpu);
        var body = full[VcpuHeader..];
        command = new ControlMsr(vcpu, BinaryPrimitives.ReadUInt32LittleEndian(body[4..]), body[0]);
        return Worse(status, Padding(body[1..4]));
    }

    public override CommandStatus Read(ReadOnlySpan<byte> payload, out ReadPhysical command)
    {
        Span<byte> body = stackalloc byte[16];
        Fill(payload, body);
        command = new ReadPhysical(BinaryPrimitives.ReadUInt64LittleEndian(body), BinaryPrimitives.ReadUInt64LittleEndian(body[8..]));
        return CommandStatus.Ok;
    }

    public override CommandStatus Read(ReadOnlySpan<byte> payload, out InjectException command)
    {
        Span<byte> full = stackalloc byte[VcpuHeader + 16];
        var status = ReadVcpuHeader(payload, full, out var vcpu);
        var body = full[VcpuHeader..];
        command = new InjectException(
            vcpu,
            body[0],
            BinaryPrimitives.ReadUInt32LittleEndian(body[4..]),
            BinaryPrimitives.ReadUInt64LittleEndian(body[8..]));
        return Worse(status, Padding(body[1..4]));
    }

    public override CommandStatus Read(ReadOnlySpan<byte> payload, out GetCpuid command)
    {
        Span<byte> full = stackalloc byte[VcpuHeader + 8];
        var status = ReadVcpuHeader(payload, full, out var vcpu);
        var body = full[VcpuHeader..];
        command = new GetCpuid(vcpu, BinaryPrimitives.ReadUInt32LittleEndian(body), BinaryPrimitives.ReadUInt32LittleEndian(body[4..]));
        return status;
    }

    public override CommandStatus Read(ReadOnlySpan<byte> payload, out TranslateGva command)
    {
        Span<byte> full = stackalloc byte[VcpuHeader + 8];
        var status = ReadVcpuHeader(payload, full, out var vcpu);
        command = new TranslateGva(vcpu, BinaryPrimitives.ReadUInt64LittleEndian(full[VcpuHeader..]));
        return status;
    }

    public override CommandStatus Read(ReadOnlySpan<byte> payload, out ControlSinglestep command)
    {
        Span<byte> full = stackalloc byte[VcpuHeader + 8];
        var status = ReadVcpuHeader(payload, full, out var vcpu);
        command = new ControlSinglestep(vcpu, full[VcpuHeader]);
        return Worse(status, Padding(full[(VcpuHeader + 1)..]));
    }

    public override CommandStatus Read(ReadOnlySpan<byte> payload, out GetRegisters command)
    {
        Span<byte> full = stackalloc byte[VcpuHeader + 8];
        var status = ReadVcpuHeader(payload, full, out var vcpu);
        var count = BinaryPrimitives.ReadUInt16LittleEndian(full[VcpuHeader..]);
        command = new GetRegisters(vcpu, default);
        status = Worse(status, Padding(full[(VcpuHeader + 2)..]));
        if (status != CommandStatus.Ok)
        {
            return status;
        }

        var available = Math.Max(0, payload.Length - full.Length) / 4;
        if (count > available)
        {
            return CommandStatus.Invalid;
        }

        command = new GetRegisters(vcpu, count == 0 ? default : payload.Slice(full.Length, count * 4));
        return CommandStatus.Ok;
    }

    public override CommandStatus ReadSetRegisters(ReadOnlySpan<byte> payload, out ushort vcpu, out KvmRegs regs)
    {
        regs = default;
        Span<byte> header = stackalloc byte[VcpuHeader];
        var status = ReadVcpuHeader(payload, header, out vcpu);
        if (status != CommandStatus.Ok || payload.Length < VcpuHeader + KvmRegs.Length)
        {
            return Worse(status, CommandStatus.Invalid);
        }

        regs = MemoryMarshal.Read<KvmRegs>(payload[VcpuHeader..]);
        return CommandStatus.Ok;
    }

    public override CommandStatus Read(ReadOnlySpan<byte> payload, out GetXcr command)
    {
        Span<byte> full = stackalloc byte[VcpuHeader + 8];
        var status = ReadVcpuHeader(payload, full, out var vcpu);
        command = new GetXcr(vcpu, full[VcpuHeader]);
        return Worse(status, Padding(full[(VcpuHeader + 1)..]));
    }

    public override CommandStatus Read(ReadOnlySpan<byte> payload, out GetMtrrType command)
    {
        Span<byte> full = stackalloc byte[VcpuHeader + 8];
        var status = ReadVcpuHeader(payload, full, out var vcpu);
        command = new GetMtrrType(vcpu, BinaryPrimitives.ReadUInt64LittleEndian(full[VcpuHeader..]));
        return status;
    }
}
