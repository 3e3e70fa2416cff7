using Iced.Intel;
using Kvmi.Protocol;
using Kvmi.Protocol.Registers;

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
            case Mnemonic.Cpuid:
                return Cpuid(in i);
            case Mnemonic.Rdtsc:
                SetPair(TimeStamp);
                return true;
            case Mnemonic.Xgetbv:
                return GetXcr();
            case Mnemonic.Cli:
            case Mnemonic.Sti:
                return SwitchInterrupts(i.Mnemonic == Mnemonic.Sti);
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
        if ((_efer & ControlBits.EferSce) == 0) return RaiseInvalidOpcode();
        _gpr[Rcx] = _nextRip;
        _gpr[R11] = _flags & ~Flags.Resume;
        _nextRip = _lstar;
        _flags = Flags.Normalize(_flags & ~_sfmask & ~Flags.Resume);
        var selector = (ushort)((_star >> 32) & 0xFFFC);
        _cs = FlatCode(selector, 0);
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
        _cs = FlatCode((ushort)((selector + 16) | 3), 3);
        _ss = FlatData((ushort)((selector + 8) | 3), 3);
        _cpl = 3;
        return true;
    }

    private bool Hypercall(in Instruction i)
    {
        if (_traps.Hypercall) return Intercept(new VcpuExit { Kind = VcpuExitKind.Hypercall, Length = (byte)i.Length });
        _gpr[Rax] = _cpl == 0 ? NoSuchHypercall : HypercallForbidden;
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

    private bool InterceptTable(DescriptorTable table, bool isWrite, int length) =>
        !_traps.Descriptor || _ignoreDescriptorTrap || Intercept(new VcpuExit
        {
            Kind = VcpuExitKind.Descriptor,
            Table = table,
            IsWrite = isWrite,
            Length = (byte)length,
        });

    private bool StoreTable(in Instruction i)
    {
        if (_cpl != 0 && (_cr4 & ControlBits.Cr4Umip) != 0) return RaiseGeneralProtection();
        switch (i.Mnemonic)
        {
            case Mnemonic.Sgdt:
                return InterceptTable(DescriptorTable.Gdtr, false, i.Length) && StorePointer(in i, in _gdt);
            case Mnemonic.Sidt:
                return InterceptTable(DescriptorTable.Idtr, false, i.Length) && StorePointer(in i, in _idt);
            default:
                var isTask = i.Mnemonic == Mnemonic.Str;
                if (!InterceptTable(isTask ? DescriptorTable.Tr : DescriptorTable.Ldtr, false, i.Length)) return false;
                var size = i.Op0Kind == OpKind.Memory ? 2 : OperandSize(in i, 0);
                return WriteOperand(in i, 0, size, isTask ? _tr.Selector : _ldt.Selector);
        }
    }

    private bool StorePointer(in Instruction i, in KvmDtable table)
    {
        if (!Linear(in i, 10, out var gva)) return false;

        // The ten bytes must land all or not at all: the second part is checked by writing what is there.
        return Read(gva + 2, 8, out var old) && Write(gva + 2, 8, old)
            && Write(gva, 2, table.Limit) && Write(gva + 2, 8, table.Base);
    }

    private bool LoadTable(in Instruction i)
    {
        switch (i.Mnemonic)
        {
            case Mnemonic.Lgdt:
                return InterceptTable(DescriptorTable.Gdtr, true, i.Length) && LoadPointer(in i, ref _gdt);
            case Mnemonic.Lidt:
                return InterceptTable(DescriptorTable.Idtr, true, i.Length) && LoadPointer(in i, ref _idt);
            default:
                var isTask = i.Mnemonic == Mnemonic.Ltr;
                if (!InterceptTable(isTask ? DescriptorTable.Tr : DescriptorTable.Ldtr, true, i.Length)) return false;
                return ReadOperand(in i, 0, 2, out var selector) && LoadSystemSegment((ushort)selector, isTask);
        }
    }

    private bool LoadPointer(in Instruction i, ref KvmDtable table)
    {
        if (!Linear(in i, 10, out var gva)) return false;
        if (!Read(gva, 2, out var limit) || !Read(gva + 2, 8, out var address)) return false;
        if (!ControlBits.IsCanonical(address)) return RaiseGeneralProtection();
        table = new KvmDtable { Base = address, Limit = (ushort)limit };
        return true;
    }

    private bool LoadSystemSegment(ushort selector, bool isTask)
    {
        const byte AvailableTask = 9;
        const byte LocalTable = 2;
        const ulong Busy = 1UL << 41;
        var error = selector & 0xFFFCu;
        if (error == 0 && !isTask)
        {
            _ldt = new KvmSegment { Selector = selector, Unusable = 1 };
            return true;
        }

        // Both are 16-byte descriptors and may only be in the GDT.
        if (error == 0 || (selector & 4) != 0 || (error & ~7u) + 15 > _gdt.Limit) return RaiseGeneralProtection(error);
        var at = _gdt.Base + (error & ~7u);
        if (!ReadSystem(at, 8, out var low) || !ReadSystem(at + 8, 8, out var high)) return false;
        var segment = ToSegment(selector, low);
        if (segment.S != 0 || segment.Type != (isTask ? AvailableTask : LocalTable)) return RaiseGeneralProtection(error);
        if (segment.Present == 0) return Raise(ExceptionVector.SegmentNotPresent, error);
        segment.Base |= high << 32;
        if (!ControlBits.IsCanonical(segment.Base)) return RaiseGeneralProtection(error);
        if (!isTask)
        {
            _ldt = segment;
            return true;
        }

        if (!Write(at, 8, low | Busy, false, true)) return false;
        segment.Type |= 2;
        _tr = segment;
        return true;
    }

    private ref KvmSegment SegmentOf(Register register)
    {
        switch (register)
        {
            case Register.ES:
                return ref _es;
            case Register.CS:
                return ref _cs;
            case Register.SS:
                return ref _ss;
            case Register.DS:
                return ref _ds;
            case Register.FS:
                return ref _fs;
            default:
                return ref _gs;
        }
    }

    private bool LoadSegment(in Instruction i)
    {
        if (i.Op0Register == Register.CS) return RaiseInvalidOpcode();
        if (!ReadOperand(in i, 1, 2, out var value)) return false;
        var selector = (ushort)value;
        var error = selector & 0xFFFCu;
        if (i.Op0Register == Register.SS)
        {
            if (_cpl == 3 && error == 0) return RaiseGeneralProtection();
            if (!ReadStackSegment(selector, _cpl, out var stack)) return false;
            _ss = stack;
            return true;
        }

        ref var target = ref SegmentOf(i.Op0Register);
        if (error == 0)
        {
            target = new KvmSegment { Selector = selector, Unusable = 1 };
            return true;
        }

        if (!ReadDescriptor(selector, error, out var descriptor)) return false;
        var segment = ToSegment(selector, descriptor);
        var isReadable = segment.S == 1 && ((segment.Type & 8) == 0 || (segment.Type & 2) != 0);
        var isConforming = (segment.Type & 0xC) == 0xC;
        var levelFits = isConforming || (segment.Dpl >= _cpl && segment.Dpl >= (selector & 3));
        if (!isReadable || !levelFits) return RaiseGeneralProtection(error);
        if (segment.Present == 0) return Raise(ExceptionVector.SegmentNotPresent, error);
        target = segment;
        return true;
    }
}
