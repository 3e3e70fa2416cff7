using System.Runtime.InteropServices;
using Kvmi.Protocol.Commands;
using Kvmi.Protocol.Registers;

namespace Kvmi.Protocol.Dialects.RfcV5;

/// <summary>
/// Commands as the kernel reads them (rfc-v5 3). A wrong size ends the session, as the framing checks do; padding matters only to the
/// documented profile.
/// </summary>
internal sealed partial class RfcV5Dialect
{
    public override CommandStatus ReadVcpuOnly(ReadOnlySpan<byte> payload, out ushort vcpu)
    {
        vcpu = 0;
        if (payload.Length != 8)
        {
            return CommandStatus.Close;
        }

        vcpu = U16(payload, 0);
        return Padding(payload[2..]);
    }

    public override CommandStatus Read(ReadOnlySpan<byte> payload, out ControlEventMask command)
    {
        command = default;
        if (payload.Length != 8)
        {
            return CommandStatus.Close;
        }

        command = new ControlEventMask(U16(payload, 0), U32(payload, 4));
        return Padding(payload[2..4]);
    }

    public override CommandStatus Read(ReadOnlySpan<byte> payload, out ControlVmEventMask command)
    {
        command = default;
        if (payload.Length != 8)
        {
            return CommandStatus.Close;
        }

        command = new ControlVmEventMask(U32(payload, 0));
        return Padding(payload[4..]);
    }

    public override CommandStatus Read(ReadOnlySpan<byte> payload, out ControlCr command)
    {
        command = default;
        if (payload.Length != 8)
        {
            return CommandStatus.Close;
        }

        command = new ControlCr(U16(payload, 0), U32(payload, 4), payload[2]);
        return Padding(payload[3..4]);
    }

    public override CommandStatus Read(ReadOnlySpan<byte> payload, out ControlMsr command)
    {
        command = default;
        if (payload.Length != 8)
        {
            return CommandStatus.Close;
        }

        command = new ControlMsr(U16(payload, 0), U32(payload, 4), payload[2]);
        return Padding(payload[3..4]);
    }

    public override CommandStatus Read(ReadOnlySpan<byte> payload, out ReadPhysical command)
    {
        command = default;
        if (payload.Length != 16)
        {
            return CommandStatus.Close;
        }

        command = new ReadPhysical(U64(payload, 0), U64(payload, 8));
        return CommandStatus.Ok;
    }

    public override CommandStatus Read(ReadOnlySpan<byte> payload, out WritePhysical command)
    {
        command = default;
        if (payload.Length < 16 || U64(payload, 8) != (ulong)(payload.Length - 16))
        {
            return CommandStatus.Close;
        }

        command = new WritePhysical(U64(payload, 0), payload[16..]);
        return CommandStatus.Ok;
    }

    public override CommandStatus Read(ReadOnlySpan<byte> payload, out InjectException command)
    {
        command = default;
        if (payload.Length != 16)
        {
            return CommandStatus.Close;
        }

        command = new InjectException(U16(payload, 0), payload[2], U16(payload, 4), U64(payload, 8)) { HasErrorCode = payload[3] != 0 };
        return Padding(payload[6..8]);
    }

    public override CommandStatus Read(ReadOnlySpan<byte> payload, out GetCpuid command)
    {
        command = default;
        if (payload.Length != 16)
        {
            return CommandStatus.Close;
        }

        command = new GetCpuid(U16(payload, 0), U32(payload, 8), U32(payload, 12));
        return Padding(payload[2..8]);
    }

    public override CommandStatus Read(ReadOnlySpan<byte> payload, out GetRegisters command)
    {
        command = default;
        if (payload.Length < 8 || payload.Length != 8 + (4 * U16(payload, 2)))
        {
            return CommandStatus.Close;
        }

        command = new GetRegisters(U16(payload, 0), payload[8..]);
        return Padding(payload[4..8]);
    }

    public override CommandStatus Read(ReadOnlySpan<byte> payload, out GetPageAccess command)
    {
        command = default;
        if (payload.Length < 8 || payload.Length != 8 + (8 * U16(payload, 2)))
        {
            return CommandStatus.Close;
        }

        command = new GetPageAccess(U16(payload, 0), U16(payload, 4), payload[8..]);
        return Padding(payload[6..8]);
    }

    public override CommandStatus Read(ReadOnlySpan<byte> payload, out SetPageAccess command)
    {
        command = default;
        if (payload.Length < 8 || payload.Length != 8 + (EntryLength * U16(payload, 2)))
        {
            return CommandStatus.Close;
        }

        command = new SetPageAccess(U16(payload, 4), payload[8..], U16(payload, 0), ignoresPadding: !_checksPadding);
        return Padding(payload[6..8]);
    }

    public override CommandStatus ReadSetRegisters(ReadOnlySpan<byte> payload, out ushort vcpu, out KvmRegs regs)
    {
        vcpu = 0;
        regs = default;
        if (payload.Length != 8 + KvmRegs.Length)
        {
            return CommandStatus.Close;
        }

        vcpu = U16(payload, 0);
        regs = MemoryMarshal.Read<KvmRegs>(payload[8..]);
        return Padding(payload[2..8]);
    }

    private CommandStatus Padding(ReadOnlySpan<byte> padding) =>
        _checksPadding && padding.ContainsAnyExcept((byte)0) ? CommandStatus.Invalid : CommandStatus.Ok;
}
