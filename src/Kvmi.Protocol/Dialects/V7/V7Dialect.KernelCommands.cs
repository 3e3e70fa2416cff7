using System.Buffers.Binary;
using System.Runtime.InteropServices;
using Kvmi.Protocol.Commands;
using Kvmi.Protocol.Registers;

namespace Kvmi.Protocol.Dialects.V7;

/// <summary>
/// Commands as the kernel reads them. A payload that is too short reads as if zeros followed, surplus is ignored,
/// padding in the vCPU header ends the connection, other padding is −EINVAL (kvmi-later-dialects.md 3.4 and 4.1).
/// </summary>
internal sealed partial class V7Dialect
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

    public override CommandStatus Read(ReadOnlySpan<byte> payload, out PauseVcpu command)
    {
        Span<byte> body = stackalloc byte[VcpuHeader + 8];
        var status = ReadVcpuHeader(payload, body, out var vcpu);
        command = new PauseVcpu(vcpu, body[VcpuHeader] != 0);

        // The one command whose own padding also ends the connection (4.1).
        return status != CommandStatus.Ok || Padding(body[(VcpuHeader + 1)..]) == CommandStatus.Ok ? status : CommandStatus.Close;
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

    public override CommandStatus Read(ReadOnlySpan<byte> payload, out ControlCr command)
    {
        Span<byte> full = stackalloc byte[VcpuHeader + 8];
        var status = ReadVcpuHeader(payload, full, out var vcpu);
        var body = full[VcpuHeader..];
        command = new ControlCr(vcpu, BinaryPrimitives.ReadUInt32LittleEndian(body[4..]), body[0]);
        return Worse(status, Padding(body[1..4]));
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

    public override CommandStatus Read(ReadOnlySpan<byte> payload, out WritePhysical command)
    {
        command = default;
        if (payload.Length < 16)
        {
            return CommandStatus.Close;
        }

        // A size that does not match the payload ends the connection (4.1); size 0 is an ordinary −EINVAL of the memory code.
        var size = BinaryPrimitives.ReadUInt64LittleEndian(payload[8..]);
        if (size != (ulong)(payload.Length - 16))
        {
            return CommandStatus.Close;
        }

        command = new WritePhysical(BinaryPrimitives.ReadUInt64LittleEndian(payload), payload[16..]);
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

    public override CommandStatus Read(ReadOnlySpan<byte> payload, out ControlCommandResponse command)
    {
        Span<byte> body = stackalloc byte[8];
        Fill(payload, body);
        command = new ControlCommandResponse(body[0] != 0, body[1] != 0, (body[2] & 1) != 0);
        return Padding(body[3..]);
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

    public override CommandStatus Read(ReadOnlySpan<byte> payload, out SetPageAccess command)
    {
        Span<byte> body = stackalloc byte[8];
        Fill(payload, body);
        command = default;
        if (Padding(body[4..]) != CommandStatus.Ok)
        {
            return CommandStatus.Invalid;
        }

        var count = BinaryPrimitives.ReadUInt16LittleEndian(body[2..]);
        var available = Math.Max(0, payload.Length - body.Length) / EntryLength;
        if (count > available)
        {
            return CommandStatus.Close;
        }

        command = new SetPageAccess(
            BinaryPrimitives.ReadUInt16LittleEndian(body), count == 0 ? default : payload.Slice(body.Length, count * EntryLength));
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

    private static CommandStatus ReadVcpuHeader(ReadOnlySpan<byte> payload, Span<byte> fixedPart, out ushort vcpu)
    {
        Fill(payload, fixedPart);
        vcpu = BinaryPrimitives.ReadUInt16LittleEndian(fixedPart);
        return fixedPart[2..VcpuHeader].ContainsAnyExcept((byte)0) ? CommandStatus.Close : CommandStatus.Ok;
    }

    private static void Fill(ReadOnlySpan<byte> payload, Span<byte> fixedPart)
    {
        var available = Math.Min(payload.Length, fixedPart.Length);
        payload[..available].CopyTo(fixedPart);
        fixedPart[available..].Clear();
    }

    private static CommandStatus Padding(ReadOnlySpan<byte> padding) =>
        padding.ContainsAnyExcept((byte)0) ? CommandStatus.Invalid : CommandStatus.Ok;

    private static CommandStatus Worse(CommandStatus left, CommandStatus right) => left > right ? left : right;
}
