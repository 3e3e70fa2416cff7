using System.Collections.Concurrent;
using Kvmi.Protocol.Commands;
using Kvmi.Protocol.Registers;
using Kvmi.Simulator.Machine;

namespace Kvmi.Simulator.Tests.Kernel;

/// <summary>Run returns the exits that the test queues; what the kernel side does with them is written down.</summary>
internal sealed class ScriptedVcpu : IVcpu, IVcpuTraps
{
    private readonly object _gate = new();
    private readonly Queue<VcpuExit> _exits = [];
    private readonly HashSet<int> _crs = [];
    private readonly HashSet<uint> _msrs = [];
    private readonly byte[] _xsave = new byte[4096];
    private bool _kicked;
    private bool _stopped;
    private bool _inRun;
    private VcpuExit? _injection;
    private VcpuExit? _displacing;
    private VcpuState _state;

    public ScriptedVcpu(int index)
    {
        Index = index;
        _state.Mode = 8;
        _state.Regs.Rip = 0x1000;
        _state.Sregs.Cr3 = 0x5000;
    }

    /// <summary>What the kernel side did, in order, as "cr 5", "bp", "pf", "set rip 1001".</summary>
    public BlockingCollection<string> Done { get; } = [];

    public int Index { get; }

    public IVcpuTraps Traps => this;

    public bool IsInjectionPending
    {
        get
        {
            lock (_gate)
            {
                return _injection is not null;
            }
        }
    }

    public bool IsInitialized { get; set; } = true;

    public IVcpuViews? Views => null;

    public bool Breakpoint { get; set; }

    public bool Descriptor { get; set; }

    public bool Hypercall { get; set; }

    public bool Singlestep { get; set; }

    public bool Xsetbv { get; set; }

    public bool Cpuid { get; set; }

    /// <summary>MSRs that read as something else than their number; null cannot be read.</summary>
    public Dictionary<uint, ulong?> Msrs { get; } = [];

    /// <summary>CPUID leaves besides 0.</summary>
    public Dictionary<(uint Function, uint Index), CpuidReply> Leaves { get; } = [];

    /// <summary>True while the kernel side is inside Run.</summary>
    public bool InGuest
    {
        get
        {
            lock (_gate)
            {
                return _inRun;
            }
        }
    }

    public void SetRegs(Action<KvmRegsBox> change)
    {
        var box = new KvmRegsBox { Regs = _state.Regs };
        change(box);
        _state.Regs = box.Regs;
    }

    public void SetState(VcpuState state) => _state = state;

    public void Queue(VcpuExit exit)
    {
        lock (_gate)
        {
            _exits.Enqueue(exit);
            Monitor.PulseAll(_gate);
        }
    }

    /// <summary>The guest starts this vCPU.</summary>
    public void Start()
    {
        lock (_gate)
        {
            IsInitialized = true;
            _exits.Enqueue(new VcpuExit { Kind = VcpuExitKind.Started });
            Monitor.PulseAll(_gate);
        }
    }

    public void Stop()
    {
        lock (_gate)
        {
            _stopped = true;
            Monitor.PulseAll(_gate);
        }
    }

    public VcpuExit Run(long budget)
    {
        lock (_gate)
        {
            _inRun = true;
            try
            {
                if (_injection is { } injected)
                {
                    _injection = null;
                    return injected;
                }

                while (true)
                {
                    if (_stopped)
                    {
                        return new VcpuExit { Kind = VcpuExitKind.Stopped };
                    }

                    if (_kicked)
                    {
                        _kicked = false;
                        return new VcpuExit { Kind = VcpuExitKind.Kicked };
                    }

                    if (_exits.TryDequeue(out var exit))
                    {
                        return exit;
                    }

                    Monitor.Wait(_gate);
                }
            }
            finally
            {
                _inRun = false;
            }
        }
    }

    public void Kick()
    {
        lock (_gate)
        {
            _kicked = true;
            Monitor.PulseAll(_gate);
        }
    }

    public void GetState(out VcpuState state) => state = _state;

    public void SetGeneralRegisters(in KvmRegs registers)
    {
        _state.Regs = registers;
        Done.Add($"set rip {registers.Rip:x}");
    }

    public bool TryGetMsr(uint msr, out ulong value)
    {
        value = Msrs.TryGetValue(msr, out var known) ? known ?? 0 : msr;
        return msr != uint.MaxValue && (known is not null || !Msrs.ContainsKey(msr));
    }

    public bool TrySetMsr(uint msr, ulong value) => true;

    public bool TryGetXcr(int xcr, out ulong value)
    {
        value = 7;
        return xcr == 0;
    }

    public int GetXsave(Span<byte> area)
    {
        _xsave.CopyTo(area);
        return _xsave.Length;
    }

    public bool TrySetXsave(ReadOnlySpan<byte> area)
    {
        if (area.Length > _xsave.Length)
        {
            return false;
        }

        area.CopyTo(_xsave);
        return true;
    }

    public byte GetMtrrType(ulong gpa) => 6;

    public bool TryGetCpuid(uint function, uint index, out CpuidReply reply)
    {
        reply = Leaves.GetValueOrDefault((function, index), new CpuidReply(1, 2, 3, 4));
        return function == 0 || Leaves.ContainsKey((function, index));
    }

    public bool TryTranslate(ulong gva, out ulong gpa)
    {
        gpa = gva;
        return gva < 0x10000;
    }

    public bool TryInjectException(byte vector, uint errorCode, ulong address)
    {
        lock (_gate)
        {
            if (_injection is not null)
            {
                return false;
            }

            LastInjection = (vector, errorCode);
            if (_displacing is { } displacing)
            {
                _displacing = null;
                _injection = displacing;
                return true;
            }

            _injection = new VcpuExit
            {
                Kind = VcpuExitKind.Exception,
                Vector = vector,
                ErrorCode = errorCode,
                Address = address,
                WasInjected = true,
            };
            return true;
        }
    }

    /// <summary>The last exception that the kernel side asked for.</summary>
    public (byte Vector, uint ErrorCode)? LastInjection { get; private set; }

    /// <summary>What the guest gets instead of the next exception that is asked for, or of the one that waits.</summary>
    public void Displace(VcpuExit exit)
    {
        lock (_gate)
        {
            _displacing = exit;
        }
    }

    public void CompleteCrWrite(ulong value) => Done.Add($"cr {value:x}");

    public void CompleteMsrWrite(ulong value) => Done.Add($"msr {value:x}");

    public void CompleteXcrWrite() => Done.Add("xcr");

    public void CompleteHypercall(ulong result) => Done.Add($"hypercall {unchecked((long)result)}");

    public void CompleteBreakpoint()
    {
        lock (_gate)
        {
            // The breakpoint's own exception wins over one that the tool asked for.
            if (_injection is not null)
            {
                _injection = new VcpuExit { Kind = VcpuExitKind.Exception, Vector = 3 };
            }
        }

        Done.Add("bp");
    }

    public void CompleteDescriptor() => Done.Add("descriptor");

    public void CompleteCpuid() => Done.Add("cpuid");

    public void CompletePageAccess() => Done.Add("pf");

    public void CompletePageAccess(ulong contextGva, ReadOnlySpan<byte> context) =>
        Done.Add($"pf {contextGva:x} {Convert.ToHexStringLower(context)}");

    /// <summary>Bytes that the next emulated instruction reads from frames that may not be read.</summary>
    public int ReadSize { get; set; } = 8;

    public int CompletePageAccess(ReadOnlySpan<byte> reads)
    {
        Done.Add(reads.IsEmpty ? "pf" : $"pf {Convert.ToHexStringLower(reads)}");
        return Math.Min(ReadSize, reads.Length);
    }

    public bool GetCr(int cr) => _crs.Contains(cr);

    public bool TrySetCr(int cr, bool enable) => enable ? _crs.Add(cr) || true : _crs.Remove(cr) || true;

    public bool GetMsr(uint msr) => _msrs.Contains(msr);

    public bool TrySetMsr(uint msr, bool enable) => enable ? _msrs.Add(msr) || true : _msrs.Remove(msr) || true;

    public void Clear()
    {
        Breakpoint = Descriptor = Hypercall = Singlestep = Xsetbv = Cpuid = false;
        _crs.Clear();
        _msrs.Clear();
        Done.Add("clear");
    }
}
