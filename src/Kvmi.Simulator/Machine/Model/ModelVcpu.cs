namespace Kvmi.Simulator.Machine.Model;

/// <summary>
/// One vCPU of the model: 64-bit mode and flat 32-bit code under it, no external interrupts, no debug registers, no floating point. The parts:
/// this file runs and completes exits, State holds what is seen from outside, Paging translates, Delivery enters handlers, the others execute.
/// </summary>
internal sealed partial class ModelVcpu : IVcpu
{
    /// <summary>What the guest gets for a hypercall that nobody serves: KVM_ENOSYS, negative.</summary>
    private const ulong NoSuchHypercall = unchecked((ulong)-1000L);

    /// <summary>What the guest gets for a hypercall from user mode: KVM_EPERM, negative.</summary>
    private const ulong HypercallForbidden = unchecked((ulong)-1L);

    // A whole REP instruction is emulated in slices of this many rounds: the guest chooses the count.
    private const int MostRepeats = 1 << 20;

    private readonly ModelMachine _machine;
    private readonly VcpuTraps _traps = new();
    private readonly InstructionCache _wideInstructions = new(64);
    private InstructionCache _instructions;

    private int _kicked;
    private bool _shutdown;
    private long _executed;

    // Why the current instruction did not retire: exactly one of a fault for the guest or an exit for the caller.
    private VcpuExit _exit;
    private bool _hasExit;
    private GuestFault _fault;
    private bool _hasFault;

    // The exit that waits for its Complete method, and what that method needs.
    private VcpuExitKind _awaiting = VcpuExitKind.Budget;
    private byte _awaitedLength;
    private ulong _awaitedValue;
    private uint _awaitedNumber;
    private ulong _awaitedGpa;

    // An exit that a Complete method ran into; the next Run returns it.
    private bool _hasFollowUp;

    private GuestFault _injection;
    private bool _hasInjection;

    // One-instruction licences, set by Complete methods only.
    private bool _ignoreDescriptorTrap;
    private bool _ignoreCpuidTrap;

    public ModelVcpu(ModelMachine machine, int index, bool isInitialized)
    {
        _machine = machine;
        _instructions = _wideInstructions;
        Index = index;
        _isInitialized = isInitialized;
        _startReported = isInitialized;
        if (isInitialized) Reset();
        else PowerUp();
    }

    private enum StepResult
    {
        Retired,
        Fault,
        Exit,
    }

    public int Index { get; }

    public IVcpuTraps Traps => _traps;

    public bool IsInjectionPending => _hasInjection;

    public void Kick()
    {
        Volatile.Write(ref _kicked, 1);
        if (!_isInitialized) WakeFromWaiting();
    }

    public VcpuExit Run(long budget)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(budget, 1);
        _awaiting = VcpuExitKind.Budget;
        if (!_startReported) return WaitForStart();

        // An exit drops cached translations: the caller may have written page tables meanwhile.
        FlushTlb();
        if (_machine.IsStopped) return new VcpuExit { Kind = VcpuExitKind.Stopped };
        if (_shutdown) return new VcpuExit { Kind = VcpuExitKind.Shutdown };
        if (_hasInjection) return ReportInjection();
        if (_hasFollowUp)
        {
            _hasFollowUp = false;
            return Await(_exit);
        }

        _licenceCount = 0;
        var end = _executed > long.MaxValue - budget ? long.MaxValue : _executed + budget;
        return RunUntil(end);
    }

    public bool TryInjectException(byte vector, uint errorCode, ulong address)
    {
        if (vector is > 31 or ExceptionVector.NonMaskableInterrupt || _hasInjection || !_isInitialized) return false;
        _injection = new GuestFault(vector, ExceptionVector.HasErrorCode(vector) ? errorCode : 0, address);
        _hasInjection = true;
        return true;
    }

    public void CompleteCrWrite(ulong value)
    {
        TakeAwaited(VcpuExitKind.CrWrite);
        FinishAwaited(InstallCr(_awaitedNumber, value));
    }

    public void CompleteMsrWrite(ulong value)
    {
        TakeAwaited(VcpuExitKind.MsrWrite);
        FinishAwaited(TryInstallMsr(_awaitedNumber, value) || RaiseGeneralProtection());
    }

    public void CompleteXcrWrite()
    {
        TakeAwaited(VcpuExitKind.XcrWrite);
        _xcr0 = _awaitedValue;
        FinishAwaited(true);
    }

    public void CompleteHypercall(ulong result)
    {
        TakeAwaited(VcpuExitKind.Hypercall);
        SetHypercallResult(result);
        FinishAwaited(true);
    }

    public void CompleteBreakpoint()
    {
        TakeAwaited(VcpuExitKind.Breakpoint);
        RaiseSoftware(ExceptionVector.Breakpoint, _awaitedLength);
    }

    public void CompleteDescriptor()
    {
        TakeAwaited(VcpuExitKind.Descriptor);
        _ignoreDescriptorTrap = true;
        EmulateOne();
    }

    public void CompleteCpuid()
    {
        TakeAwaited(VcpuExitKind.Cpuid);
        _ignoreCpuidTrap = true;
        EmulateOne();
    }

    public void CompletePageAccess() => CompletePageAccess(0, [], false);

    public void CompletePageAccess(ulong contextGva, ReadOnlySpan<byte> context) => CompletePageAccess(contextGva, context, false);

    public void CompletePageAccess(ulong contextGva, ReadOnlySpan<byte> context, bool wholeRepeat)
    {
        ArgumentOutOfRangeException.ThrowIfGreaterThan(context.Length, _context.Length);
        TakeAwaited(VcpuExitKind.PageAccess);
        AddLicence(_awaitedGpa);
        context.CopyTo(_context);
        _contextGva = contextGva;
        _contextLength = context.Length;
        _hasLicences = true;
        EmulateOne(wholeRepeat);
        _hasLicences = false;
        _contextLength = 0;

        // An exit for another page of the same instruction keeps them: the instruction is not done.
        if (!_hasFollowUp || _exit.Kind != VcpuExitKind.PageAccess) _licenceCount = 0;
    }

    private VcpuExit RunUntil(long end)
    {
        while (true)
        {
            if (Volatile.Read(ref _kicked) != 0)
            {
                Volatile.Write(ref _kicked, 0);
                return new VcpuExit { Kind = _machine.IsStopped ? VcpuExitKind.Stopped : VcpuExitKind.Kicked };
            }

            if (_executed >= end) return new VcpuExit { Kind = VcpuExitKind.Budget };

            // Deliveries count as instructions: a handler that faults at once must not run for ever.
            _executed++;
            if (_hasFault)
            {
                Deliver();
                if (_hasExit) return Await(_exit);
                if (_shutdown) return new VcpuExit { Kind = VcpuExitKind.Shutdown };
                continue;
            }

            switch (Step())
            {
                case StepResult.Exit:
                    return Await(_exit);
                case StepResult.Retired when _traps.Singlestep && _machine.Has(MachineFeatures.Singlestep):
                    return new VcpuExit { Kind = VcpuExitKind.Singlestep };
                default:
                    break;
            }
        }
    }

    private StepResult Step()
    {
        _hasExit = false;
        if (Fetch(out var slot))
        {
            ref readonly var instruction = ref slot < 0 ? ref _instructions.Uncached : ref _instructions.Get(slot);
            _nextRip = _rip + (ulong)instruction.Length;
            if (Execute(in instruction))
            {
                _rip = _nextRip & _ripMask;
                return StepResult.Retired;
            }
        }

        return _hasExit ? StepResult.Exit : StepResult.Fault;
    }

    private void EmulateOne(bool wholeRepeat = false)
    {
        FlushTlb();
        _hasExit = false;
        _repeats = false;
        if (_hasFault)
        {
            _executed++;
            Deliver();
        }
        else
        {
            EmulateSteps(wholeRepeat ? MostRepeats : 1);
        }

        _ignoreDescriptorTrap = _ignoreCpuidTrap = false;
        if (!_hasExit) return;

        // HLT has done its work already; its exit, like any other, is what the next Run reports.
        _hasFollowUp = true;
    }

    private void EmulateSteps(int most)
    {
        do
        {
            _executed++;
            _repeats = false;
        }
        while (Step() == StepResult.Retired && _repeats && --most > 0 && Volatile.Read(ref _kicked) == 0);
    }

    private VcpuExit ReportInjection()
    {
        var wasInjected = !_hasFault;
        if (wasInjected) _fault = _injection;
        _hasFault = true;
        _hasInjection = false;
        _hasFollowUp = false;
        return new VcpuExit
        {
            Kind = VcpuExitKind.Exception,
            Vector = _fault.Vector,
            ErrorCode = _fault.ErrorCode,
            Address = _fault.Address,
            WasInjected = wasInjected,
        };
    }

    private VcpuExit Await(in VcpuExit exit)
    {
        _hasExit = false;
        _awaiting = exit.Kind;
        _awaitedLength = exit.Length;
        _awaitedNumber = exit.Number;
        _awaitedValue = exit.NewValue;
        _awaitedGpa = exit.Gpa;
        return exit;
    }

    private void TakeAwaited(VcpuExitKind kind)
    {
        if (_awaiting != kind)
            throw new InvalidOperationException($"vCPU {Index} does not wait for the completion of {kind}; its last exit was {_awaiting}.");
        _awaiting = VcpuExitKind.Budget;
    }

    private void FinishAwaited(bool done)
    {
        if (done) _rip += _awaitedLength;
    }

    private bool Raise(byte vector, uint errorCode = 0, ulong address = 0)
    {
        _fault = new GuestFault(vector, errorCode, address);
        _hasFault = true;
        return false;
    }

    private bool RaiseSoftware(byte vector, int length)
    {
        _fault = new GuestFault(vector, SoftwareLength: (byte)length);
        _hasFault = true;
        return false;
    }

    private bool RaiseGeneralProtection(uint errorCode = 0) => Raise(ExceptionVector.GeneralProtection, errorCode);

    private bool RaiseInvalidOpcode() => Raise(ExceptionVector.InvalidOpcode);

    private bool Intercept(in VcpuExit exit)
    {
        _exit = exit;
        _hasExit = true;
        return false;
    }

    /// <summary>Fetches and decodes at RIP. A slot below 0 means the uncached instruction.</summary>
    private bool Fetch(out int slot)
    {
        slot = -1;
        if (!TranslateFetch(_rip, out var frame)) return false;
        var offset = (int)(_rip & (PhysicalMemory.PageSize - 1));
        slot = _instructions.Find(frame, offset, _rip);
        return slot >= 0 || FetchAcrossPages(frame, offset);
    }

    private bool FetchAcrossPages(Frame first, int offset)
    {
        var here = PhysicalMemory.PageSize - offset;
        if (!TranslateFetch(_rip + (ulong)here, out var second)) return false;
        Span<byte> bytes = stackalloc byte[15];
        first.Data.AsSpan(offset, here).CopyTo(bytes);
        second.Data.AsSpan(0, bytes.Length - here).CopyTo(bytes[here..]);
        _instructions.DecodeUncached(bytes, _rip);
        return true;
    }
}
