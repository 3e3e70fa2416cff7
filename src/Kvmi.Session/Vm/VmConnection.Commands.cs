using Kvmi.Protocol;
using Kvmi.Protocol.Commands;
using Kvmi.Protocol.Dialects;
using Kvmi.Protocol.Registers;

namespace Kvmi.Session.Vm;

/// <summary>Events on and off, interceptions, registers, exceptions.</summary>
internal sealed partial class VmConnection
{
    private const int RegistersFixedBytes = 8 + 472;
    private const int MsrEntryBytes = 16;

    // rfc-v5 1.3: far below the count at which the size of the reply would wrap.
    private const int MaxMsrsOfRfcV5 = 128;

    private readonly EventMasks _masks = new();

    /// <inheritdoc/>
    public KvmiError ControlVmEvents(EventKind kind, bool enable)
    {
        using var custody = Begin(CommandKind.ControlVmEvents);
        if (!_dialect.TryGetEventId(kind, out var id))
        {
            return KvmiError.NotSupported;
        }

        if (!_dialect.EventsAreMasks)
        {
            return Run(CommandKind.ControlVmEvents, _dialect.Write(_channel.Output, _sequence, new ControlVmEvents(id, Flag(enable))));
        }

        var mask = EventMasks.With(_masks.OfVm, id, enable);
        var error = Run(CommandKind.ControlVmEvents, _dialect.Write(_channel.Output, _sequence, new ControlVmEventMask(mask)));
        if (error == KvmiError.None)
        {
            _masks.SetVm(mask);
        }

        return error;
    }

    /// <inheritdoc/>
    public KvmiError ControlEvents(ushort vcpu, EventKind kind, bool enable)
    {
        using var custody = Begin(CommandKind.ControlEvents);
        if (!_dialect.TryGetEventId(kind, out var id))
        {
            return KvmiError.NotSupported;
        }

        if (!_dialect.EventsAreMasks)
        {
            return Run(CommandKind.ControlEvents, _dialect.Write(_channel.Output, _sequence, new ControlEvents(vcpu, id, Flag(enable))));
        }

        var mask = EventMasks.With(_masks.OfVcpu(vcpu), id, enable);
        var error = Run(CommandKind.ControlEvents, _dialect.Write(_channel.Output, _sequence, new ControlEventMask(vcpu, mask)));
        if (error == KvmiError.None)
        {
            _masks.SetVcpu(vcpu, mask);
        }

        return error;
    }

    /// <inheritdoc/>
    public KvmiError ControlCr(ushort vcpu, uint cr, bool enable)
    {
        using var custody = Begin(CommandKind.ControlCr);
        return Run(CommandKind.ControlCr, _dialect.Write(_channel.Output, _sequence, new ControlCr(vcpu, cr, Flag(enable))));
    }

    /// <inheritdoc/>
    public KvmiError ControlMsr(ushort vcpu, uint msr, bool enable)
    {
        using var custody = Begin(CommandKind.ControlMsr);
        return Run(CommandKind.ControlMsr, _dialect.Write(_channel.Output, _sequence, new ControlMsr(vcpu, msr, Flag(enable))));
    }

    /// <inheritdoc/>
    public KvmiError GetRegisters(ushort vcpu, out VcpuState state, Span<MsrEntry> msrs)
    {
        using var custody = Begin(CommandKind.GetRegisters);
        var most = _dialect.Id == KvmiDialect.RfcV5 ? MaxMsrsOfRfcV5 : (_dialect.MaxPayload - RegistersFixedBytes) / MsrEntryBytes;
        if (msrs.Length > most)
        {
            throw new ArgumentException($"GET_REGISTERS reads at most {most} MSRs, {msrs.Length} are asked for.", nameof(msrs));
        }

        state = default;
        Span<uint> indexes = stackalloc uint[msrs.Length];
        for (var i = 0; i < msrs.Length; i++)
        {
            indexes[i] = msrs[i].Index;
        }

        var error = Run(CommandKind.GetRegisters, _dialect.WriteGetRegisters(_channel.Output, _sequence, vcpu, indexes), out var data);
        if (error != KvmiError.None)
        {
            return error;
        }

        if (_dialect.ReadReply(data, out RegistersReply reply) != DecodeStatus.Ok || reply.MsrCount != msrs.Length)
        {
            throw Malformed(CommandKind.GetRegisters, data.Length, RegistersFixedBytes - 8 + (msrs.Length * MsrEntryBytes));
        }

        state.Mode = reply.Mode;
        state.Regs = reply.Regs;
        state.Sregs = reply.Sregs;
        for (var i = 0; i < msrs.Length; i++)
        {
            msrs[i] = reply.Msr(i);
            FillMsr(ref state.Msrs, msrs[i]);
        }

        return KvmiError.None;
    }

    /// <inheritdoc/>
    public KvmiError SetRegisters(ushort vcpu, in KvmRegs regs)
    {
        using var custody = Begin(CommandKind.SetRegisters);
        if (!IsWaiting(vcpu))
        {
            return KvmiError.NotSupported;
        }

        return Run(CommandKind.SetRegisters, _dialect.WriteSetRegisters(_channel.Output, _sequence, vcpu, in regs));
    }

    /// <inheritdoc/>
    public KvmiError InjectException(ushort vcpu, byte vector, uint errorCode, ulong address) =>
        InjectException(new InjectException(vcpu, vector, errorCode, address));

    /// <inheritdoc/>
    public KvmiError InjectException(in InjectException exception)
    {
        using var custody = Begin(CommandKind.InjectException);
        return Run(CommandKind.InjectException, _dialect.Write(_channel.Output, _sequence, in exception));
    }

    /// <inheritdoc/>
    public KvmiError PauseVcpu(ushort vcpu, bool wait)
    {
        using var custody = Begin(CommandKind.PauseVcpu);
        if (!MayPause)
        {
            return KvmiError.NotPermitted;
        }

        return Run(CommandKind.PauseVcpu, _dialect.Write(_channel.Output, _sequence, new PauseVcpu(vcpu, wait)));
    }

    /// <inheritdoc/>
    public KvmiError GetMaxGfn(out ulong gfn)
    {
        using var custody = Begin(CommandKind.GetMaxGfn);
        return RunNumber(
            CommandKind.GetMaxGfn, _dialect.WriteEmpty(_channel.Output, _sequence, CommandKind.GetMaxGfn), out gfn);
    }

    private static byte Flag(bool enable) => enable ? (byte)1 : (byte)0;

    private static void FillMsr(ref KvmEventMsrs msrs, MsrEntry entry)
    {
        switch (entry.Index)
        {
            case 0x174: msrs.SysenterCs = entry.Value; break;
            case 0x175: msrs.SysenterEsp = entry.Value; break;
            case 0x176: msrs.SysenterEip = entry.Value; break;
            case 0x277: msrs.Pat = entry.Value; break;
            case 0xC000_0080: msrs.Efer = entry.Value; break;
            case 0xC000_0081: msrs.Star = entry.Value; break;
            case 0xC000_0082: msrs.Lstar = entry.Value; break;
            case 0xC000_0083: msrs.Cstar = entry.Value; break;
            case 0xC000_0102: msrs.ShadowGs = entry.Value; break;
            default: break;
        }
    }
}
