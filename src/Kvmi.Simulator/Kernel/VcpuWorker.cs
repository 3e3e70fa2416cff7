using Kvmi.Simulator.Machine;

namespace Kvmi.Simulator.Kernel;

/// <summary>
/// One vCPU and its thread: runs the guest, does what the receiving thread queues for it, and waits for the answers to its events
/// (kvmi-later-dialects.md 3.2 and 3.10). Parts: the thread here, exits in <c>.Exits</c>, events and their answers in <c>.Events</c>, commands in <c>.Commands</c>.
/// </summary>
internal sealed partial class VcpuWorker
{
    /// <summary>Queued pause requests from which on further ones are refused.</summary>
    public const int MaxPauseRequests = 1001;

    private const int MaxQueuedJobs = 4096;
    private const long Budget = 1 << 20;

    // A monitor and not a Lock: threads wait on it.
    private readonly object _gate = new();
    private readonly Queue<VcpuJob> _jobs = [];
    private readonly KernelContext _context;
    private readonly IVcpu _vcpu;
    private readonly Thread _thread;
    private readonly EventOutcome _outcome = new();
    private HookedVm? _newHook;
    private HookedVm? _hook;
    private bool _inGuest;
    private bool _wake;
    private bool _stop;
    private bool _ended;
    private bool _halted;
    private bool _dead;
    private bool _createEventDue;
    private int _pauseRequests;
    private int _pausesDue;

    public VcpuWorker(KernelContext context, IVcpu vcpu)
    {
        _context = context;
        _vcpu = vcpu;

        // The kernel answers every hypercall itself, with a hook and without.
        vcpu.Traps.Hypercall = true;
        _thread = new Thread(ThreadMain) { IsBackground = true, Name = $"vcpu {vcpu.Index}" };
    }

    /// <summary>Ends when the thread did.</summary>
    public TaskCompletionSource Ended { get; } = new(TaskCreationOptions.RunContinuationsAsynchronously);

    /// <summary>True while the vCPU waits for the answer to an event.</summary>
    public bool IsWaiting => Volatile.Read(ref _waiting);

    /// <summary>True while the vCPU waits for an answer or the tool has asked something of it that is not done.</summary>
    public bool IsBusy
    {
        get
        {
            lock (_gate)
            {
                return _waiting || _jobs.Count > 0 || Volatile.Read(ref _pauseRequests) > 0;
            }
        }
    }

    /// <summary>False for a vCPU that was plugged in and that the guest has not started yet: its commands are answered with "try again".</summary>
    public bool IsInitialized => _vcpu.IsInitialized;

    /// <summary>Starts the guest on this vCPU.</summary>
    public void Start() => _thread.Start();

    /// <summary>Makes the thread look whether something changed, also out of the guest. Any thread.</summary>
    public void Wake()
    {
        lock (_gate)
        {
            _wake = true;
            Poke();
        }
    }

    /// <summary>Ends the thread; the machine must be stopped by the caller. Any thread.</summary>
    public void Stop()
    {
        lock (_gate)
        {
            _stop = true;
            Poke();
        }
    }

    /// <summary>Gives the vCPU to a new hook. Only when the last one has been left.</summary>
    public void Hook(HookedVm hook)
    {
        lock (_gate)
        {
            if (_ended)
            {
                hook.VcpuLeft();
                return;
            }

            _newHook = hook;
            Poke();
        }
    }

    /// <summary>Queues a job and gets the vCPU out of the guest. Receiving thread; blocks while too much is queued.</summary>
    public void Post(in VcpuJob job)
    {
        lock (_gate)
        {
            while (_jobs.Count >= MaxQueuedJobs && !_ended && !job.Hook.IsClosed)
            {
                Monitor.Wait(_gate);
            }

            if (_ended || job.Hook.IsClosed)
            {
                job.Release();
                return;
            }

            _jobs.Enqueue(job);
            Poke();
        }
    }

    /// <summary>Queues a pause request. Receiving thread.</summary>
    /// <returns>False when too many are queued already.</returns>
    public bool TryPostPause(HookedVm hook)
    {
        if (Volatile.Read(ref _pauseRequests) >= MaxPauseRequests)
        {
            return false;
        }

        PostPause(hook);
        return true;
    }

    /// <summary>Queues a pause request, however many there are. Receiving thread.</summary>
    public void PostPause(HookedVm hook)
    {
        Interlocked.Increment(ref _pauseRequests);
        Post(VcpuJob.Pause(hook));
    }

    /// <summary>Waits until the vCPU is outside the guest. Receiving thread.</summary>
    public void WaitUntilOutsideGuest(HookedVm hook)
    {
        lock (_gate)
        {
            while (_inGuest && !_ended && !hook.IsClosed)
            {
                Monitor.Wait(_gate);
            }
        }
    }

    private void Poke()
    {
        Monitor.PulseAll(_gate);
        if (_inGuest)
        {
            _vcpu.Kick();
        }
    }

    private void ThreadMain()
    {
        try
        {
            Loop();
        }
#pragma warning disable CA1031 // The last frame of a thread: a failure must end the simulation with its reason, not the process.
        catch (Exception exception)
#pragma warning restore CA1031
        {
            LogMessages.VcpuThreadFailed(_context.Logger, _vcpu.Index, exception);
            _context.ReportFailure($"The thread of vCPU {_vcpu.Index} failed: {exception.Message}");
            _hook?.Close("a vCPU thread of the simulator failed");
        }

        lock (_gate)
        {
            _ended = true;
            _newHook?.VcpuLeft();
            _newHook = null;
            Monitor.PulseAll(_gate);
        }

        LeaveHook();
        Ended.TrySetResult();
    }

    private void Loop()
    {
        while (true)
        {
            while (TryTakeJob(out var job))
            {
                Execute(in job);
            }

            if (Volatile.Read(ref _stop))
            {
                return;
            }

            if (_hook is { IsClosed: true })
            {
                LeaveHook();
            }

            EnterHook();

            // An injected exception is reported before everything else, a pause after everything else (3.10, 4).
            if (!_vcpu.IsInjectionPending && SendDueEvents())
            {
                continue;
            }

            if (_halted && _context.Driver.OnHalted(_vcpu))
            {
                _halted = false;
            }

            if (!MayRun() || !TryEnterGuest())
            {
                Sleep();
                continue;
            }

            // A vCPU that runs has been created; a tool that asks later is told nothing any more.
            _createEventDue &= !_vcpu.IsInitialized;
            var exit = _vcpu.Run(Budget);
            LeaveGuest();
            if (exit.Kind == VcpuExitKind.Stopped)
            {
                return;
            }

            Handle(in exit);
        }
    }

    private bool MayRun()
    {
        if ((_vcpu.IsInjectionPending || _queuedInjection is not null) && !_dead)
        {
            return true;
        }

        if (_halted || _dead)
        {
            return false;
        }

        var notBefore = _context.Driver.NotBefore(_vcpu);
        return notBefore == 0 || _context.TimeProvider.GetTimestamp() >= notBefore;
    }

    private bool TryEnterGuest()
    {
        lock (_gate)
        {
            if (HasNews() || _context.Steps.Holds(_vcpu.Index))
            {
                return false;
            }

            HandOverInjection();
            _inGuest = true;
            return true;
        }
    }

    private void LeaveGuest()
    {
        lock (_gate)
        {
            _inGuest = false;
            Monitor.PulseAll(_gate);
        }
    }

    private void Sleep()
    {
        lock (_gate)
        {
            while (!HasNews() && (!MayRun() || _context.Steps.Holds(_vcpu.Index)))
            {
                Monitor.Wait(_gate);
            }

            _wake = false;
        }
    }

    private bool HasNews() => _jobs.Count > 0 || _stop || _wake || _newHook is not null || _hook is { IsClosed: true };

    private bool TryTakeJob(out VcpuJob job)
    {
        lock (_gate)
        {
            if (!_jobs.TryDequeue(out job))
            {
                return false;
            }

            Monitor.PulseAll(_gate);
            return true;
        }
    }

    private void EnterHook()
    {
        lock (_gate)
        {
            if (_newHook is null || _hook is not null)
            {
                return;
            }

            _hook = _newHook;
            _newHook = null;
        }

        _createEventDue = true;
    }

    /// <summary>Undoes what the hook did to this vCPU.</summary>
    private void LeaveHook()
    {
        if (_hook is not { } hook)
        {
            return;
        }

        DropTraps(hook);
        _vcpu.Traps.Hypercall = true;
        _vcpu.Views?.Reset();
        ForgetSettings();
        _pausesDue = 0;
        Interlocked.Exchange(ref _pauseRequests, 0);
        _createEventDue = false;
        _registersDue = false;
        lock (_gate)
        {
            while (_jobs.TryDequeue(out var job))
            {
                job.Release();
            }

            _hook = null;
            Monitor.PulseAll(_gate);
        }

        hook.VcpuLeft();
    }

    private void Execute(in VcpuJob job)
    {
        try
        {
            // A closed hook's commands are void, but an answer that came before the close still answers.
            if (job.Hook.IsClosed && (job.Kind != VcpuJobKind.EventReply || !ReferenceEquals(job.Hook, _hook)))
            {
                return;
            }

            EnterHook();
            switch (job.Kind)
            {
                case VcpuJobKind.Pause:
                    _pausesDue++;
                    break;
                case VcpuJobKind.EventReply:
                    TakeReply(in job);
                    break;
                default:
                    ExecuteCommand(in job);
                    break;
            }
        }
        finally
        {
            job.Release();
        }
    }
}
