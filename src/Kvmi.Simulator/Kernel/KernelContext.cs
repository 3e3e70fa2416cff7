using Kvmi.Simulator.Kernel.Mapping;
using Kvmi.Simulator.Machine;
using Microsoft.Extensions.Logging;

namespace Kvmi.Simulator.Kernel;

/// <summary>What the kernel side keeps from hook to hook. Any thread.</summary>
internal sealed class KernelContext
{
    private readonly Lock _workerGate = new();
    private VcpuWorker[] _workers = [];
    private MapTokens? _tokens;
    private bool _isStarted;
    private int _crashedVcpu = -1;

    /// <summary>The machine.</summary>
    public required IMachine Machine { get; init; }

    /// <summary>The dialect's rules.</summary>
    public required KernelRules Rules { get; init; }

    /// <summary>What the administrator allows.</summary>
    public required AdministratorMask Administrator { get; init; }

    /// <summary>Counts what crosses the wire.</summary>
    public required SimulationCounters Counters { get; init; }

    /// <summary>Says what a halted vCPU does next.</summary>
    public required IGuestDriver Driver { get; init; }

    /// <summary>True when CONTINUE to an execute violation brings the same event once more, as captured.</summary>
    public bool RepeatsFetchEvents { get; init; }

    /// <summary>Clock.</summary>
    public required TimeProvider TimeProvider { get; init; }

    /// <summary>Log.</summary>
    public required ILogger Logger { get; init; }

    /// <summary>The host's map tokens; null where this kernel has no remote mapping for this VM.</summary>
    public MapTokens? Tokens
    {
        get => Rules.MapTokenLifetime is null ? null
            : _tokens is null && Rules.GrantsTokensAlone ? Interlocked.CompareExchange(ref _tokens, new MapTokens(TimeProvider), null) ?? _tokens
            : _tokens;
        init => _tokens = value;
    }

    /// <summary>Which vCPU steps alone, while the others are held.</summary>
    public StepGate Steps { get; } = new();

    /// <summary>The vCPU threads, by index. It grows when a vCPU is plugged in; the list that was read stays as it was.</summary>
    public IReadOnlyList<VcpuWorker> Workers => Volatile.Read(ref _workers);

    /// <summary>vCPU whose event was answered with CRASH; −1: none.</summary>
    public int CrashedVcpu => Volatile.Read(ref _crashedVcpu);

    /// <summary>Makes one worker per vCPU; once, before anything runs.</summary>
    public void CreateWorkers()
    {
        for (var index = 0; index < Machine.VcpuCount; index++)
        {
            AddWorker(Machine.GetVcpu(index));
        }
    }

    /// <summary>Makes the worker of a vCPU; it runs at once when the others do.</summary>
    /// <param name="vcpu">The vCPU, which is the next one by number.</param>
    /// <param name="hook">The hook that it belongs to from its first moment on; null for none.</param>
    public void AddWorker(IVcpu vcpu, HookedVm? hook = null)
    {
        var worker = new VcpuWorker(this, vcpu);
        if (hook is not null)
        {
            worker.Hook(hook);
        }

        lock (_workerGate)
        {
            Volatile.Write(ref _workers, [.. _workers, worker]);
            if (_isStarted)
            {
                worker.Start();
            }
        }
    }

    /// <summary>Starts the guest on every vCPU; on those to come as they come. Once.</summary>
    public void StartWorkers()
    {
        lock (_workerGate)
        {
            _isStarted = true;
            foreach (var worker in _workers)
            {
                worker.Start();
            }
        }
    }

    /// <summary>Makes every vCPU thread look whether something changed.</summary>
    public void WakeAll()
    {
        foreach (var worker in Workers)
        {
            worker.Wake();
        }
    }

    /// <summary>A thread of the simulator failed.</summary>
    public void ReportFailure(string reason)
    {
        Machine.Stop();
        Driver.OnFailure(reason);
    }

    /// <summary>Ends the guest: the answer to CRASH.</summary>
    public void ReportCrash(int vcpu)
    {
        Interlocked.CompareExchange(ref _crashedVcpu, vcpu, -1);
        Machine.Stop();
        Driver.OnCrash(vcpu);
    }
}
