namespace Kvmi.Simulator.Machine.Model;

/// <content>Model-specific registers.</content>
internal sealed partial class ModelVcpu
{
    private const ulong ResetPat = 0x0007_0406_0007_0406;
    private const ulong ApicEnabled = 1UL << 11;
    private const ulong BootProcessor = 1UL << 8;
    private const ulong ApicAddress = 0xFEE0_0000;

    private ulong _efer;
    private ulong _star;
    private ulong _lstar;
    private ulong _cstar;
    private ulong _sfmask;
    private ulong _kernelGsBase;
    private ulong _sysenterCs;
    private ulong _sysenterEsp;
    private ulong _sysenterEip;
    private ulong _pat;
    private ulong _apicBase;
    private ulong _miscFeaturesEnables;
    private ulong _miscEnable;
    private ulong _tscOffset;
    private ulong _tscAux;

    public bool TryGetMsr(uint msr, out ulong value)
    {
        ulong? found = msr switch
        {
            MsrIndex.Tsc => TimeStamp,
            MsrIndex.ApicBase => _apicBase,
            MsrIndex.FeatureControl => 1,
            MsrIndex.BiosSignature => 0,
            MsrIndex.MtrrCapabilities => 0,
            MsrIndex.MiscFeaturesEnables => _miscFeaturesEnables,
            MsrIndex.SysenterCs => _sysenterCs,
            MsrIndex.SysenterEsp => _sysenterEsp,
            MsrIndex.SysenterEip => _sysenterEip,
            MsrIndex.MiscEnable => _miscEnable,
            MsrIndex.Pat => _pat,
            MsrIndex.MtrrDefaultType => WriteBack,
            MsrIndex.Efer => _efer,
            MsrIndex.Star => _star,
            MsrIndex.Lstar => _lstar,
            MsrIndex.Cstar => _cstar,
            MsrIndex.Sfmask => _sfmask,
            MsrIndex.FsBase => _fs.Base,
            MsrIndex.GsBase => _gs.Base,
            MsrIndex.KernelGsBase => _kernelGsBase,
            MsrIndex.TscAux => _tscAux,
            MsrIndex.X2ApicId when IsX2Apic => (ulong)Index,
            MsrIndex.X2ApicVersion when IsX2Apic => ApicVersion,
            MsrIndex.X2ApicCommand when IsX2Apic => _interruptCommand,
            _ => null,
        };
        value = found.GetValueOrDefault();
        return found.HasValue;
    }

    public bool TrySetMsr(uint msr, ulong value) => TryInstallMsr(msr, value);

    private ulong TimeStamp => _tscOffset + (ulong)_executed;

    /// <summary>True when WRMSR of this value raises no #GP.</summary>
    private bool TakesMsr(uint msr, ulong value) => msr switch
    {
        MsrIndex.Tsc or MsrIndex.SysenterCs or MsrIndex.Star => true,
        MsrIndex.BiosSignature or MsrIndex.MiscEnable => true,
        MsrIndex.ApicBase => TakesApicBase(value),
        MsrIndex.X2ApicCommand => TakesInterruptCommand(value),
        MsrIndex.MiscFeaturesEnables => value <= 1,
        MsrIndex.SysenterEsp or MsrIndex.SysenterEip or MsrIndex.Lstar or MsrIndex.Cstar => ControlBits.IsCanonical(value),
        MsrIndex.FsBase or MsrIndex.GsBase or MsrIndex.KernelGsBase => ControlBits.IsCanonical(value),
        MsrIndex.Sfmask or MsrIndex.TscAux => value <= uint.MaxValue,
        MsrIndex.Pat => IsValidPat(value),

        // Paging is always on here, so that the mode cannot be left; LMA is the CPU's own bit.
        MsrIndex.Efer => (value & ~ControlBits.EferKnown) == 0 && (value & ControlBits.EferLme) != 0,
        _ => false,
    };

    private bool TryInstallMsr(uint msr, ulong value)
    {
        if (!TakesMsr(msr, value)) return false;
        switch (msr)
        {
            case MsrIndex.Tsc:
                _tscOffset = value - (ulong)_executed;
                break;
            case MsrIndex.ApicBase:
                _apicBase = value;
                break;
            case MsrIndex.MiscFeaturesEnables:
                _miscFeaturesEnables = value;
                break;
            case MsrIndex.SysenterCs:
                _sysenterCs = value;
                break;
            case MsrIndex.SysenterEsp:
                _sysenterEsp = value;
                break;
            case MsrIndex.SysenterEip:
                _sysenterEip = value;
                break;
            case MsrIndex.MiscEnable:
                _miscEnable = value;
                break;
            case MsrIndex.Pat:
                _pat = value;
                break;
            case MsrIndex.Efer:
                _efer = value | ControlBits.EferLma;
                FlushTlb();
                break;
            case MsrIndex.Star:
                _star = value;
                break;
            case MsrIndex.Lstar:
                _lstar = value;
                break;
            case MsrIndex.Cstar:
                _cstar = value;
                break;
            case MsrIndex.Sfmask:
                _sfmask = value;
                break;
            case MsrIndex.FsBase:
                _fs.Base = value;
                break;
            case MsrIndex.GsBase:
                _gs.Base = value;
                break;
            case MsrIndex.KernelGsBase:
                _kernelGsBase = value;
                break;
            case MsrIndex.TscAux:
                _tscAux = value;
                break;
            case MsrIndex.X2ApicCommand:
                SendInterrupt(value);
                break;
            default:
                // A microcode revision is written before CPUID and read after it; there is nothing to keep.
                break;
        }

        return true;
    }

    private void ResetMsrs()
    {
        _efer = ControlBits.EferLme | ControlBits.EferLma | ControlBits.EferNxe;
        _star = _lstar = _cstar = _sfmask = _kernelGsBase = 0;
        _sysenterCs = _sysenterEsp = _sysenterEip = 0;
        _pat = ResetPat;
        _apicBase = ApicAddress | ApicEnabled | (Index == 0 ? BootProcessor : 0);
        _miscFeaturesEnables = 0;
        _miscEnable = 1;
        _tscOffset = _tscAux = _interruptCommand = 0;
    }

    private static bool IsValidPat(ulong value)
    {
        for (; value != 0; value >>= 8)
        {
            if ((value & 0xFF) is 2 or 3 or > 7) return false;
        }

        return true;
    }
}
