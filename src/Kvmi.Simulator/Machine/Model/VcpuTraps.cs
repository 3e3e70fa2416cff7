namespace Kvmi.Simulator.Machine.Model;

/// <summary>The trap switches of one model vCPU: plain flags, read once per instruction that they concern.</summary>
internal sealed class VcpuTraps : IVcpuTraps
{
    private const uint MsrRange = 0x2000;
    private const uint HighMsrs = 0xC000_0000;

    // 0 to 0x1FFF, then 0xC0000000 to 0xC0001FFF.
    private readonly bool[] _msrs = new bool[2 * MsrRange];
    private readonly bool[] _crs = new bool[5];
    private volatile bool _singlestep;

    public bool Breakpoint { get; set; }

    public bool Descriptor { get; set; }

    public bool Hypercall { get; set; }

    public bool Xsetbv { get; set; }

    public bool Cpuid { get; set; }

    public bool Singlestep
    {
        get => _singlestep;
        set => _singlestep = value;
    }

    public bool GetCr(int cr) => (uint)cr < (uint)_crs.Length && Volatile.Read(ref _crs[cr]);

    public bool TrySetCr(int cr, bool enable)
    {
        if (cr is not (0 or 3 or 4)) return false;
        Volatile.Write(ref _crs[cr], enable);
        return true;
    }

    public bool GetMsr(uint msr) => TryGetSlot(msr, out var slot) && Volatile.Read(ref _msrs[slot]);

    public bool TrySetMsr(uint msr, bool enable)
    {
        if (!TryGetSlot(msr, out var slot)) return false;
        Volatile.Write(ref _msrs[slot], enable);
        return true;
    }

    public void Clear()
    {
        Breakpoint = Descriptor = Hypercall = Singlestep = Xsetbv = Cpuid = false;
        Array.Clear(_msrs);
        Array.Clear(_crs);
    }

    private static bool TryGetSlot(uint msr, out uint slot)
    {
        if (msr < MsrRange)
        {
            slot = msr;
            return true;
        }

        slot = msr - HighMsrs + MsrRange;
        return msr >= HighMsrs && msr < HighMsrs + MsrRange;
    }
}
