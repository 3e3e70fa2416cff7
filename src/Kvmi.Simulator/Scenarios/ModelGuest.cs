using Kvmi.Simulator.Kernel;
using Kvmi.Simulator.Machine;
using Kvmi.Simulator.Machine.Model;
using Kvmi.Simulator.Programs;

namespace Kvmi.Simulator.Scenarios;

/// <summary>
/// A scenario on the model machine: the steps become one guest program per vCPU, which starts with the guest's boot. Until the tool is
/// ready the vCPUs stand in front of their first instruction, so that what boot does once (LSTAR) is seen as well.
/// </summary>
internal sealed partial class ModelGuest : IScenarioGuest
{
    private const int EndlessRound = 64;
    private readonly Scenario _scenario;
    private readonly ModelMachine _machine;
    private readonly SimulatorOptions _options;
    private readonly TaskCompletionSource<GuestEnd> _ended = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private readonly bool[] _finished;
    private readonly long[] _notBefore;
    private readonly ITimer?[] _timers;
    private readonly Lock _paceGate = new();
    private readonly long _paceInterval;
    private long _nextSlot;
    private long _answered;
    private long _endedAt;
    private int _held = 1;
    private KernelContext? _context;

    /// <summary>Loads the guest.</summary>
    /// <param name="scenario">The scenario, with the options already in it.</param>
    /// <param name="options">Clock and limits.</param>
    /// <exception cref="SimulatorException">The steps do not fit into a guest program.</exception>
    public ModelGuest(Scenario scenario, SimulatorOptions options)
    {
        _scenario = scenario;
        _options = options;
        _machine = Build(scenario, options.Hardware);
        _finished = new bool[SimulatorOptions.MaxVcpus];
        _notBefore = new long[SimulatorOptions.MaxVcpus];
        _timers = new ITimer?[SimulatorOptions.MaxVcpus];
        _paceInterval = scenario.Pace is { } pace ? options.TimeProvider.TimestampFrequency / pace : 0;
    }

    /// <summary>Names of the programs that a step may name.</summary>
    public static IReadOnlyCollection<string> ProgramNames => GuestPrograms.Names;

    public IMachine Machine => _machine;

    public Task<GuestEnd> Ended => _ended.Task;

    public long EndedAt => Volatile.Read(ref _endedAt);

    public void Attach(KernelContext context) => _context = context;

    public void Open()
    {
        Volatile.Write(ref _held, 0);
        _context?.WakeAll();
    }

    public void Freeze() => Volatile.Write(ref _held, 1);

    public bool OnHalted(IVcpu vcpu)
    {
        if (IsHeldAtBarrier(vcpu.Index))
        {
            return false;
        }

        if (!GuestMailbox.IsFinished(_machine, vcpu.Index))
        {
            return true;
        }

        if (GuestMailbox.Read(_machine, vcpu.Index, GuestField.Panic) != 0)
        {
            var vector = GuestMailbox.Read(_machine, vcpu.Index, GuestField.LastVector);
            var rip = GuestMailbox.Read(_machine, vcpu.Index, GuestField.LastRip);
            End(new GuestEnd(
                SimulationEnd.Failed, $"The guest kernel on vCPU {vcpu.Index} gave up at 0x{rip:x} after exception {vector}."));
        }
        else
        {
            Volatile.Write(ref _finished[vcpu.Index], true);
            if (AllFinished())
            {
                End(new GuestEnd(SimulationEnd.Completed, null));
            }
        }

        return false;
    }

    public void OnEventAnswered(IVcpu vcpu)
    {
        // vCPUs that already wait for an answer may still get theirs, so the number can be passed by a few.
        if (_options.MaxEvents is { } limit && Interlocked.Increment(ref _answered) >= limit)
        {
            Freeze();
            End(new GuestEnd(SimulationEnd.Limit, null));
        }

        if (_paceInterval > 0)
        {
            TakeSlot(vcpu.Index);
        }
    }

    public long NotBefore(IVcpu vcpu) => Volatile.Read(ref _held) != 0 ? long.MaxValue : Volatile.Read(ref _notBefore[vcpu.Index]);

    public void OnShutdown(IVcpu vcpu) => End(
        new GuestEnd(SimulationEnd.Failed, $"vCPU {vcpu.Index} of the guest suffered a triple fault."));

    public void OnCrash(int vcpu) => End(
        new GuestEnd(SimulationEnd.Crashed, $"The tool answered an event of vCPU {vcpu} with CRASH, so the guest ended before its scenario."));

    public void OnFailure(string reason) => End(new GuestEnd(SimulationEnd.Failed, reason));

    public IReadOnlyList<Consequence> ReadConsequences()
    {
        foreach (var timer in _timers)
        {
            timer?.Dispose();
        }

        return GuestConsequences.Read(_machine);
    }

    // A vCPU that was plugged in counts from the moment that the guest starts it, which is before the starter ends.
    private bool AllFinished()
    {
        for (var index = 0; index < _machine.VcpuCount; index++)
        {
            if (!Volatile.Read(ref _finished[index]) && _machine.GetVcpu(index).IsInitialized)
            {
                return false;
            }
        }

        return true;
    }

    private void End(GuestEnd end)
    {
        Interlocked.CompareExchange(ref _endedAt, _options.TimeProvider.GetTimestamp(), 0);
        _ended.TrySetResult(end);
    }

    /// <summary>Spreads the events of all vCPUs evenly over time.</summary>
    private void TakeSlot(int vcpu)
    {
        long slot;
        var now = _options.TimeProvider.GetTimestamp();
        lock (_paceGate)
        {
            slot = Math.Max(now, _nextSlot);
            _nextSlot = slot + _paceInterval;
        }

        Volatile.Write(ref _notBefore[vcpu], slot);
        if (slot <= now)
        {
            return;
        }

        _timers[vcpu] ??= _options.TimeProvider.CreateTimer(_ => WakeAtSlot(vcpu), null, Timeout.InfiniteTimeSpan, Timeout.InfiniteTimeSpan);
        ArmTimer(vcpu, now, slot);
    }

    // Timers are coarser than time stamps and may come early: an early one is armed again, or the vCPU would sleep for good.
    private void WakeAtSlot(int vcpu)
    {
        var now = _options.TimeProvider.GetTimestamp();
        var slot = Volatile.Read(ref _notBefore[vcpu]);
        if (now < slot)
        {
            ArmTimer(vcpu, now, slot);
        }
        else
        {
            _context?.Workers[vcpu].Wake();
        }
    }

    private void ArmTimer(int vcpu, long now, long slot) =>
        _timers[vcpu]?.Change(_options.TimeProvider.GetElapsedTime(now, slot) + TimeSpan.FromMilliseconds(1), Timeout.InfiniteTimeSpan);

    private static ModelMachine Build(Scenario scenario, MachineHardware hardware)
    {
        var guest = new GuestProgramBuilder(scenario.Vcpus);
        try
        {
            var barrier = 0;
            var last = default(ScenarioStep);
            foreach (var step in scenario.Steps)
            {
                // A guest that is stopped cannot come to a second barrier, so actions in a row share one.
                if (step.Action is not null && last?.Action is null)
                {
                    var number = ++barrier;
                    guest.OnEach(program => program.Barrier(number));
                }

                last = step;
                if (step.Action is not null)
                {
                    continue;
                }

                if (step.Vcpu is { } vcpu)
                {
                    Add(guest[vcpu], step);
                }
                else
                {
                    guest.OnEach(program => Add(program, step));
                }
            }
        }
        catch (InvalidOperationException exception)
        {
            throw new SimulatorException($"Scenario '{scenario.Title}': {exception.Message}", exception);
        }

        return guest.BuildMachine(hardware: hardware);
    }

    private static void Add(VcpuProgramBuilder program, ScenarioStep step)
    {
        var counts = step.Program is "process-switches" or "syscalls" or "int3" or "delay";
        var first = program.StepCount;
        var repeat = (int)Math.Min(step.Repeat, int.MaxValue);
        GuestPrograms.TryAdd(program, step.Program, !counts ? 1 : repeat == 0 ? EndlessRound : repeat);
        if (program.StepCount > first && (repeat == 0 || (!counts && repeat > 1)))
        {
            program.Repeat(first, repeat);
        }
    }
}
