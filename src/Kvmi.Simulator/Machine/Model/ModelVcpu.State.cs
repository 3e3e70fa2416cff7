using Kvmi.Protocol.Commands;
using Kvmi.Protocol.Registers;

namespace Kvmi.Simulator.Machine.Model;

/// <content>Registers, and how they are seen from outside.</content>
internal sealed partial class ModelVcpu
{
    private const int Rax = 0;
    private const int Rcx = 1;
    private const int Rdx = 2;
    private const int Rbx = 3;
    private const int Rsp = 4;
    private const int Rbp = 5;
    private const int Rsi = 6;
    private const int Rdi = 7;
    private const int R11 = 11;

    private const int XsaveSize = 4096;
    private const int XsaveHeader = 512;
    private const byte WriteBack = 6;
    private const ulong Xcr0Known = 7;

    private readonly ulong[] _gpr = new ulong[16];
    private readonly byte[] _xsave = new byte[XsaveSize];

    private ulong _rip;
    private ulong _nextRip;
    private ulong _flags;
    private int _cpl;

    private KvmSegment _cs;
    private KvmSegment _ds;
    private KvmSegment _es;
    private KvmSegment _fs;
    private KvmSegment _gs;
    private KvmSegment _ss;
    private KvmSegment _tr;
    private KvmSegment _ldt;
    private KvmDtable _gdt;
    private KvmDtable _idt;

    private ulong _cr0;
    private ulong _cr2;
    private ulong _cr3;
    private ulong _cr4;
    private ulong _cr8;
    private ulong _xcr0;

    public void GetState(out VcpuState state)
    {
        state = default;
        state.Mode = (byte)(_cs.L != 0 ? 8 : _cs.Db != 0 ? 4 : 2);
        state.View = (ushort)_view;
        ref var regs = ref state.Regs;
        regs.Rax = _gpr[Rax];
        regs.Rbx = _gpr[Rbx];
        regs.Rcx = _gpr[Rcx];
        regs.Rdx = _gpr[Rdx];
        regs.Rsi = _gpr[Rsi];
        regs.Rdi = _gpr[Rdi];
        regs.Rsp = _gpr[Rsp];
        regs.Rbp = _gpr[Rbp];
        regs.R8 = _gpr[8];
        regs.R9 = _gpr[9];
        regs.R10 = _gpr[10];
        regs.R11 = _gpr[11];
        regs.R12 = _gpr[12];
        regs.R13 = _gpr[13];
        regs.R14 = _gpr[14];
        regs.R15 = _gpr[15];
        regs.Rip = _rip;
        regs.Rflags = _flags;

        ref var sregs = ref state.Sregs;
        sregs.Cs = _cs;
        sregs.Ds = _ds;
        sregs.Es = _es;
        sregs.Fs = _fs;
        sregs.Gs = _gs;
        sregs.Ss = _ss;
        sregs.Tr = _tr;
        sregs.Ldt = _ldt;
        sregs.Gdt = _gdt;
        sregs.Idt = _idt;
        sregs.Cr0 = _cr0;
        sregs.Cr2 = _cr2;
        sregs.Cr3 = _cr3;
        sregs.Cr4 = _cr4;
        sregs.Cr8 = _cr8;
        sregs.Efer = _efer;
        sregs.ApicBase = _apicBase;

        ref var msrs = ref state.Msrs;
        msrs.SysenterCs = _sysenterCs;
        msrs.SysenterEsp = _sysenterEsp;
        msrs.SysenterEip = _sysenterEip;
        msrs.Efer = _efer;
        msrs.Star = _star;
        msrs.Lstar = _lstar;
        msrs.Cstar = _cstar;
        msrs.Pat = _pat;
        msrs.ShadowGs = _kernelGsBase;
    }

    public void SetGeneralRegisters(in KvmRegs registers)
    {
        _gpr[Rax] = registers.Rax;
        _gpr[Rbx] = registers.Rbx;
        _gpr[Rcx] = registers.Rcx;
        _gpr[Rdx] = registers.Rdx;
        _gpr[Rsi] = registers.Rsi;
        _gpr[Rdi] = registers.Rdi;
        _gpr[Rsp] = registers.Rsp;
        _gpr[Rbp] = registers.Rbp;
        _gpr[8] = registers.R8;
        _gpr[9] = registers.R9;
        _gpr[10] = registers.R10;
        _gpr[11] = registers.R11;
        _gpr[12] = registers.R12;
        _gpr[13] = registers.R13;
        _gpr[14] = registers.R14;
        _gpr[15] = registers.R15;
        _rip = registers.Rip;
        _flags = Flags.Normalize(registers.Rflags);
    }

    public bool TryGetXcr(int xcr, out ulong value)
    {
        value = _xcr0;
        return xcr == 0;
    }

    public int GetXsave(Span<byte> area)
    {
        if (area.Length < XsaveSize) throw new ArgumentException($"The XSAVE area has {XsaveSize} bytes, the buffer {area.Length}.", nameof(area));
        _xsave.CopyTo(area);
        return XsaveSize;
    }

    public bool TrySetXsave(ReadOnlySpan<byte> area)
    {
        if (area.Length > XsaveSize) return false;
        if (area.Length >= XsaveHeader + sizeof(ulong) && (BitConverter.ToUInt64(area[XsaveHeader..]) & ~Xcr0Known) != 0) return false;
        area.CopyTo(_xsave);
        return true;
    }

    public byte GetMtrrType(ulong gpa) => _machine.IsBacked(gpa) ? WriteBack : (byte)0;

    public bool TryGetCpuid(uint function, uint index, out CpuidReply reply) =>
        CpuidTable.TryGet(function, index, Index, (_cr4 & ControlBits.Cr4Osxsave) != 0, _xcr0, out reply);

    /// <summary>Puts the vCPU where a 64-bit boot loader leaves it: flat segments, paging on, no descriptor tables.</summary>
    internal void StartInLongMode(ulong rip, ulong rsp, ulong cr3, ulong argument)
    {
        Reset();
        _rip = rip;
        _cr3 = cr3;
        _gpr[Rsp] = rsp;
        _gpr[Rdi] = argument;
    }

    private static KvmSegment FlatCode(ushort selector, int dpl) => new()
    {
        Selector = selector,
        Limit = uint.MaxValue,
        Type = 0xB,
        Present = 1,
        Dpl = (byte)dpl,
        S = 1,
        L = 1,
        G = 1,
    };

    private static KvmSegment FlatData(ushort selector, int dpl) => new()
    {
        Selector = selector,
        Limit = uint.MaxValue,
        Type = 3,
        Present = 1,
        Dpl = (byte)dpl,
        Db = 1,
        S = 1,
        G = 1,
    };

    private void Reset()
    {
        Array.Clear(_gpr);
        Array.Clear(_xsave);

        // FCW and MXCSR after FNINIT: what XSAVE stores on a CPU whose floating point nobody has used.
        _xsave[0] = 0x7F;
        _xsave[1] = 0x03;
        _xsave[24] = 0x80;
        _xsave[25] = 0x1F;

        _rip = 0;
        _flags = Flags.Fixed;
        _cpl = 0;
        SetCodeSegment(FlatCode(8, 0));
        _ds = _es = _fs = _gs = _ss = FlatData(0x10, 0);
        _tr = new KvmSegment { Type = 0xB, Present = 1, Limit = 0xFFFF };
        _ldt = new KvmSegment { Unusable = 1 };
        _gdt = default;
        _idt = default;
        _cr0 = ControlBits.Cr0Pe | ControlBits.Cr0Et | ControlBits.Cr0Ne | ControlBits.Cr0Wp | ControlBits.Cr0Pg;
        _cr2 = _cr3 = _cr8 = 0;
        _cr4 = ControlBits.Cr4Pae;
        _xcr0 = 1;
        ResetMsrs();
        _hasFault = _hasExit = _hasInjection = _hasFollowUp = _shutdown = false;
        FlushTlb();
    }
}
