using Iced.Intel;

namespace Kvmi.Simulator.Machine.Model;

/// <content>Privileged instructions, system calls and everything that can be intercepted.</content>
internal sealed partial class ModelVcpu
{
    private bool ExecuteSystem(in Instruction i)
    {
        switch (i.Mnemonic)
        {
            case Mnemonic.Int3:
                return Breakpoint(in i);
            case Mnemonic.Int:
                return RaiseSoftware(i.Immediate8, i.Length);
            case Mnemonic.Syscall:
                return SystemCall();
            case Mnemonic.Sysretq:
                return SystemReturn();
            case Mnemonic.Iretq:
                return InterruptReturn();
            case Mnemonic.Vmcall:
                return Hypercall(in i);
            case Mnemonic.Vmfunc:
                return CallVmFunction();
            case Mnemonic.Cpuid:
                return Cpuid(in i);
            case Mnemonic.Rdtsc:
                // Intel SDM volume 2, RDTSC.
                if (_cpl != 0 && (_cr4 & ControlBits.Cr4Tsd) != 0) return RaiseGeneralProtection();
                SetPair(TimeStamp);
                return true;
            case Mnemonic.Xgetbv:
                return GetXcr();
            case Mnemonic.Cli:
            case Mnemonic.Sti:
                return SwitchInterrupts(i.Mnemonic == Mnemonic.Sti);
            case Mnemonic.In:
            case Mnemonic.Out:
                return AccessPort(in i);
            case Mnemonic.Sgdt:
            case Mnemonic.Sidt:
            case Mnemonic.Sldt:
            case Mnemonic.Str:
                return StoreTable(in i);
            default:
                return ExecutePrivileged(in i);
        }
    }

    private bool ExecutePrivileged(in Instruction i)
    {
        switch (i.Mnemonic)
        {
            case Mnemonic.Hlt:
                return IsPrivileged() && Halt();
            case Mnemonic.Rdmsr:
                return IsPrivileged() && ReadMsr();
            case Mnemonic.Wrmsr:
                return IsPrivileged() && WriteMsr(in i);
            case Mnemonic.Lgdt:
            case Mnemonic.Lidt:
            case Mnemonic.Lldt:
            case Mnemonic.Ltr:
                return IsPrivileged() && LoadTable(in i);
            case Mnemonic.Xsetbv:
                return SetXcr(in i);
            case Mnemonic.Clts:
                if (!IsPrivileged()) return false;
                return WriteCr(0, _cr0 & ~ControlBits.Cr0Ts, i.Length);
            case Mnemonic.Invlpg:
                if (!IsPrivileged()) return false;
                FlushTlb(EffectiveOffset(in i));
                return true;
            case Mnemonic.Vmxon:
                // IA32_FEATURE_CONTROL is locked with VMX off (Intel SDM volume 3, Enabling and Entering VMX Operation).
                return (_cr4 & ControlBits.Cr4Vmxe) == 0 ? RaiseInvalidOpcode() : RaiseGeneralProtection();
            case Mnemonic.Wbinvd:
                return IsPrivileged();
            case Mnemonic.Swapgs:
                if (!IsPrivileged()) return false;
                (_gs.Base, _kernelGsBase) = (_kernelGsBase, _gs.Base);
                return true;
            case Mnemonic.Clac:
            case Mnemonic.Stac:
                if (_cpl != 0) return RaiseInvalidOpcode();
                _flags = i.Mnemonic == Mnemonic.Stac ? _flags | Flags.AlignmentCheck : _flags & ~Flags.AlignmentCheck;
                return true;
            default:
                return RaiseInvalidOpcode();
        }
    }

    private bool IsPrivileged() => _cpl == 0 || RaiseGeneralProtection();

    private bool Halt()
    {
        _rip = _nextRip;
        return Intercept(new VcpuExit { Kind = VcpuExitKind.Halted });
    }

    private bool Breakpoint(in Instruction i)
    {
        if (!_traps.Breakpoint) return RaiseSoftware(ExceptionVector.Breakpoint, i.Length);
        TryTranslate(_rip, out var gpa);
        return Intercept(new VcpuExit { Kind = VcpuExitKind.Breakpoint, Gva = _rip, Gpa = gpa, Length = (byte)i.Length });
    }

    private bool SystemCall()
    {
        // An Intel CPU has SYSCALL in 64-bit mode only (Intel SDM volume 2, SYSCALL).
        if ((_efer & ControlBits.EferSce) == 0 || IsNarrowMode) return RaiseInvalidOpcode();
        _gpr[Rcx] = _nextRip;
        _gpr[R11] = _flags & ~Flags.Resume;
        _nextRip = _lstar;
        _flags = Flags.Normalize(_flags & ~_sfmask & ~Flags.Resume);
        var selector = (ushort)((_star >> 32) & 0xFFFC);
        SetCodeSegment(FlatCode(selector, 0));
        _ss = FlatData((ushort)(selector + 8), 0);
        _cpl = 0;
        return true;
    }

    private bool SystemReturn()
    {
        if ((_efer & ControlBits.EferSce) == 0) return RaiseInvalidOpcode();
        if (!IsPrivileged()) return false;
        if (!ControlBits.IsCanonical(_gpr[Rcx])) return RaiseGeneralProtection();
        _nextRip = _gpr[Rcx];
        _flags = Flags.Normalize(_gpr[R11] & ~Flags.Resume);
        var selector = (ushort)(_star >> 48);
        SetCodeSegment(FlatCode((ushort)((selector + 16) | 3), 3));
        _ss = FlatData((ushort)((selector + 8) | 3), 3);
        _cpl = 3;
        return true;
    }

    private bool Hypercall(in Instruction i)
    {
        if (_traps.Hypercall) return Intercept(new VcpuExit { Kind = VcpuExitKind.Hypercall, Length = (byte)i.Length });
        SetHypercallResult(_cpl == 0 ? NoSuchHypercall : HypercallForbidden);
        return true;
    }

    private bool Cpuid(in Instruction i)
    {
        // CPUID faulting: user mode gets #GP while MISC_FEATURES_ENABLES.0 is set.
        if (_cpl != 0 && (_miscFeaturesEnables & 1) != 0) return RaiseGeneralProtection();
        var function = (uint)_gpr[Rax];
        var index = (uint)_gpr[Rcx];
        if (_traps.Cpuid && !_ignoreCpuidTrap)
            return Intercept(new VcpuExit { Kind = VcpuExitKind.Cpuid, Function = function, Index = index, Length = (byte)i.Length });
        TryGetCpuid(function, index, out var reply);
        _gpr[Rax] = reply.Eax;
        _gpr[Rbx] = reply.Ebx;
        _gpr[Rcx] = reply.Ecx;
        _gpr[Rdx] = reply.Edx;
        return true;
    }

    private void SetPair(ulong value)
    {
        _gpr[Rax] = (uint)value;
        _gpr[Rdx] = value >> 32;
    }

    private ulong GetPair() => (uint)_gpr[Rax] | (_gpr[Rdx] << 32);

    private bool SwitchInterrupts(bool enable)
    {
        if (_cpl > (int)((_flags & Flags.Iopl) >> 12)) return RaiseGeneralProtection();
        _flags = enable ? _flags | Flags.Interrupt : _flags & ~Flags.Interrupt;
        return true;
    }

    private bool GetXcr()
    {
        if ((_cr4 & ControlBits.Cr4Osxsave) == 0) return RaiseInvalidOpcode();
        if ((uint)_gpr[Rcx] != 0) return RaiseGeneralProtection();
        SetPair(_xcr0);
        return true;
    }

    private bool SetXcr(in Instruction i)
    {
        if ((_cr4 & ControlBits.Cr4Osxsave) == 0) return RaiseInvalidOpcode();
        if (!IsPrivileged()) return false;
        var value = GetPair();
        var isLegal = (uint)_gpr[Rcx] == 0 && (value & ~Xcr0Known) == 0 && (value & 1) != 0 && (value & 6) != 4;
        if (!isLegal) return RaiseGeneralProtection();
        if (_traps.Xsetbv && value != _xcr0)
        {
            return Intercept(new VcpuExit
            {
                Kind = VcpuExitKind.XcrWrite,
                OldValue = _xcr0,
                NewValue = value,
                Length = (byte)i.Length,
            });
        }

        _xcr0 = value;
        return true;
    }

    private bool ReadMsr()
    {
        if (!TryGetMsr((uint)_gpr[Rcx], out var value)) return RaiseGeneralProtection();
        SetPair(value);
        return true;
    }

    private bool WriteMsr(in Instruction i)
    {
        var msr = (uint)_gpr[Rcx];
        var value = GetPair();
        if (!TakesMsr(msr, value)) return RaiseGeneralProtection();
        if (_traps.GetMsr(msr) && TryGetMsr(msr, out var old) && old != value)
        {
            return Intercept(new VcpuExit
            {
                Kind = VcpuExitKind.MsrWrite,
                Number = msr,
                OldValue = old,
                NewValue = value,
                Length = (byte)i.Length,
            });
        }

        return TryInstallMsr(msr, value);
    }

    private bool MoveFromSystem(in Instruction i)
    {
        var register = i.Op1Register;
        if (register.IsSegmentRegister()) return WriteOperand(in i, 0, i.Op0Kind == OpKind.Memory ? 2 : OperandSize(in i, 0), SegmentOf(register).Selector);
        if (!IsPrivileged()) return false;
        switch (register)
        {
            case Register.CR0:
                SetRegister(i.Op0Register, _cr0);
                return true;
            case Register.CR2:
                SetRegister(i.Op0Register, _cr2);
                return true;
            case Register.CR3:
                SetRegister(i.Op0Register, _cr3);
                return true;
            case Register.CR4:
                SetRegister(i.Op0Register, _cr4);
                return true;
            case Register.CR8:
                SetRegister(i.Op0Register, _cr8);
                return true;
            default:
                return RaiseInvalidOpcode();
        }
    }

    private bool MoveToSystem(in Instruction i)
    {
        if (i.Op0Register.IsSegmentRegister()) return LoadSegment(in i);
        if (!i.Op0Register.IsCR()) return RaiseInvalidOpcode();
        if (!IsPrivileged()) return false;
        var number = i.Op0Register - Register.CR0;
        return number is 0 or 2 or 3 or 4 or 8 ? WriteCr((uint)number, GetRegister(i.Op1Register), i.Length) : RaiseInvalidOpcode();
    }

    private bool WriteCr(uint number, ulong value, int length)
    {
        if (!TakesCr(number, value)) return RaiseGeneralProtection();
        value = Effective(number, value);
        var old = CrOf(number);
        if (_traps.GetCr((int)number) && old != value)
        {
            return Intercept(new VcpuExit
            {
                Kind = VcpuExitKind.CrWrite,
                Number = number,
                OldValue = old,
                NewValue = value,
                Length = (byte)length,
            });
        }

        return InstallCr(number, value);
    }

    private ulong CrOf(uint number) => number switch
    {
        0 => _cr0,
        2 => _cr2,
        3 => _cr3,
        4 => _cr4,
        _ => _cr8,
    };

    /// <summary>True when MOV to the control register raises no #GP.</summary>
    private bool TakesCr(uint number, ulong value)
    {
        switch (number)
        {
            case 0:
                // Protection and paging cannot be left from 64-bit code; write-through off needs caching off.
                const ulong Always = ControlBits.Cr0Pe | ControlBits.Cr0Pg;
                var isCaching = (value & (ControlBits.Cr0Nw | ControlBits.Cr0Cd)) == ControlBits.Cr0Nw;
                return value <= uint.MaxValue && (value & Always) == Always && !isCaching;
            case 3:
                var ignored = (_cr4 & ControlBits.Cr4Pcide) != 0 ? 1UL << 63 : 0;
                return (value & ~(ControlBits.PhysicalAddressMask | ignored)) == 0;
            case 4:
                if ((value & ~ControlBits.Cr4Known) != 0 || (value & ControlBits.Cr4Pae) == 0) return false;
                return (value & ~_cr4 & ControlBits.Cr4Pcide) == 0 || (_cr3 & 0xFFF) == 0;
            case 8:
                return value <= 15;
            default:
                return true;
        }
    }

    /// <summary>What the register will hold: CR0 drops bits it does not have, CR3 the order to keep translations.</summary>
    private static ulong Effective(uint number, ulong value) => number switch
    {
        0 => (value & ControlBits.Cr0Known) | ControlBits.Cr0Et,
        3 => value & ~(1UL << 63),
        _ => value,
    };

    private bool InstallCr(uint number, ulong value)
    {
        if (!TakesCr(number, value)) return RaiseGeneralProtection();
        value = Effective(number, value);
        switch (number)
        {
            case 0:
                _cr0 = value;
                break;
            case 2:
                _cr2 = value;
                break;
            case 3:
                _cr3 = value;
                break;
            case 4:
                _cr4 = value;
                break;
            default:
                _cr8 = value;
                break;
        }

        FlushTlb();
        return true;
    }
}
