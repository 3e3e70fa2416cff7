using Kvmi.Protocol;
using Kvmi.Protocol.Commands;
using Kvmi.Protocol.Dialects;
using Kvmi.Session.Detection;

namespace Kvmi.Session.Vm;

/// <summary>What a vCPU is, and what is done with it besides registers.</summary>
internal sealed partial class VmConnection
{
    /// <inheritdoc/>
    public KvmiError GetVcpuInfo(ushort vcpu, out ulong tscHz)
    {
        if (Has(CommandKind.GetVcpuInfo))
        {
            return RunVcpuNumber(CommandKind.GetVcpuInfo, vcpu, out tscHz);
        }

        // rfc-v5 3.2: one command tells both, and it is carried out by a vCPU. The frequency is that of every vCPU.
        tscHz = 0;
        using var custody = Begin(CommandKind.GetVmInfo);
        var error = Run(CommandKind.GetVmInfo, _dialect.WriteEmpty(_channel.Output, _sequence, CommandKind.GetVmInfo), out var data);
        if (error == KvmiError.None)
        {
            tscHz = _dialect.ReadReply(data, out VmInfoReply info) == DecodeStatus.Ok
                ? info.TscSpeed
                : throw Malformed(CommandKind.GetVmInfo, data.Length, 16);
        }

        return error;
    }

    /// <inheritdoc/>
    public KvmiError RefreshVcpuCount()
    {
        if (!Has(CommandKind.GetVmInfo))
        {
            return KvmiError.None;
        }

        using var custody = Begin(CommandKind.GetVmInfo);
        var error = Run(CommandKind.GetVmInfo, _dialect.WriteEmpty(_channel.Output, _sequence, CommandKind.GetVmInfo), out var data);
        if (error == KvmiError.None)
        {
            var count = _dialect.ReadReply(data, out VmInfoReply info) == DecodeStatus.Ok
                ? info.VcpuCount
                : throw Malformed(CommandKind.GetVmInfo, data.Length, 16);
            if (count > (uint)CapabilityProbe.MaxVcpus)
            {
                throw Lose(
                    DetachReason.ProtocolError, $"GET_VM_INFO tells {count} vCPUs; there are at most {CapabilityProbe.MaxVcpus}");
            }

            Volatile.Write(ref _vcpuCount, Math.Max(_vcpuCount, (int)count));
        }

        return error;
    }

    /// <inheritdoc/>
    public KvmiError GetCpuid(ushort vcpu, uint function, uint index, out CpuidReply reply)
    {
        using var custody = Begin(CommandKind.GetCpuid);
        reply = default;
        var error = Run(CommandKind.GetCpuid, _dialect.Write(_channel.Output, _sequence, new GetCpuid(vcpu, function, index)), out var data);
        return error == KvmiError.None && _dialect.ReadReply(data, out reply) != DecodeStatus.Ok
            ? throw Malformed(CommandKind.GetCpuid, data.Length, 16)
            : error;
    }

    /// <inheritdoc/>
    public KvmiError GetXsave(ushort vcpu, Span<byte> area, out int length)
    {
        using var custody = Begin(CommandKind.GetXsave);
        var error = Run(
            CommandKind.GetXsave, _dialect.WriteVcpuOnly(_channel.Output, _sequence, CommandKind.GetXsave, vcpu), out var data);

        // Its length is the kernel's to choose (rfc-v5 3.17; "up to 4096" in v7).
        length = data.Length;
        data[..Math.Min(data.Length, area.Length)].CopyTo(area);
        return error;
    }

    /// <inheritdoc/>
    public KvmiError SetXsave(ushort vcpu, ReadOnlySpan<byte> area)
    {
        using var custody = Begin(CommandKind.SetXsave);
        return Run(CommandKind.SetXsave, _dialect.WriteSetXsave(_channel.Output, _sequence, vcpu, area));
    }

    /// <inheritdoc/>
    public KvmiError GetXcr(ushort vcpu, byte xcr, out ulong value)
    {
        using var custody = Begin(CommandKind.GetXcr);
        return RunNumber(CommandKind.GetXcr, _dialect.Write(_channel.Output, _sequence, new GetXcr(vcpu, xcr)), out value);
    }

    /// <inheritdoc/>
    public KvmiError GetMtrrType(ushort vcpu, ulong gpa, out byte type)
    {
        using var custody = Begin(CommandKind.GetMtrrType);
        var length = _dialect.Write(_channel.Output, _sequence, new GetMtrrType(vcpu, gpa));
        var error = RunNumber(CommandKind.GetMtrrType, length, out var number);
        type = (byte)number;
        return error;
    }

    /// <inheritdoc/>
    public KvmiError TranslateGva(ushort vcpu, ulong gva, out ulong? gpa)
    {
        using var custody = Begin(CommandKind.TranslateGva);
        var length = _dialect.Write(_channel.Output, _sequence, new TranslateGva(vcpu, gva));
        var error = RunNumber(CommandKind.TranslateGva, length, out var number);
        gpa = error == KvmiError.None && number != ulong.MaxValue ? number : null;
        return error;
    }

    /// <inheritdoc/>
    public KvmiError ControlSinglestep(ushort vcpu, bool enable)
    {
        using var custody = Begin(CommandKind.ControlSinglestep);
        return Run(CommandKind.ControlSinglestep, _dialect.Write(_channel.Output, _sequence, new ControlSinglestep(vcpu, Flag(enable))));
    }

    /// <inheritdoc/>
    public KvmiError ControlCleanup(bool enable)
    {
        using var custody = Begin(CommandKind.ControlCleanup);
        return Run(CommandKind.ControlCleanup, _dialect.Write(_channel.Output, _sequence, new ControlCleanup(Flag(enable))));
    }

    /// <inheritdoc/>
    public KvmiError GetMapToken(out MapToken token)
    {
        using var custody = Begin(CommandKind.GetMapToken);
        token = default;
        var error = Run(
            CommandKind.GetMapToken, _dialect.WriteEmpty(_channel.Output, _sequence, CommandKind.GetMapToken), out var data);
        return error == KvmiError.None && _dialect.ReadReply(data, out token) != DecodeStatus.Ok
            ? throw Malformed(CommandKind.GetMapToken, data.Length, 32)
            : error;
    }

    private KvmiError RunVcpuNumber(CommandKind kind, ushort vcpu, out ulong value)
    {
        using var custody = Begin(kind);
        return RunNumber(kind, _dialect.WriteVcpuOnly(_channel.Output, _sequence, kind, vcpu), out value);
    }

    /// <summary>Runs a command that answers with one number.</summary>
    private KvmiError RunNumber(CommandKind kind, int length, out ulong value)
    {
        value = 0;
        var error = Run(kind, length, out var data);
        return error == KvmiError.None && _dialect.ReadNumberReply(data, out value) != DecodeStatus.Ok
            ? throw Malformed(kind, data.Length, 8)
            : error;
    }
}
