using Kvmi.Policy.Engine.Decisions;
using Kvmi.Policy.Engine.Dispatch;
using Kvmi.Policy.Engine.Generations;
using Kvmi.Protocol;
using Kvmi.Protocol.Events;
using Kvmi.Session.Deadlines;
using Kvmi.Session.Vm;

namespace Kvmi.Policy.Engine.Runtime;

/// <summary>
/// Decides about the events of one VM with the policies of the live generation. Used by the VM's owner thread only; a new
/// generation is taken over between two events.
/// </summary>
public sealed partial class VmPolicyHandler : IVmHandler
{
    private readonly IGenerationTarget _target;
    private readonly VmContext _context;
    private readonly EventDecider _decider;
    private readonly DecisionExecutor _executor;
    private readonly DecisionReport _report;
    private PolicySet _set = new(null, []);
    private readonly DeadlineReply _deadline = new();
    private GenerationChange? _change;
    private PolicySet? _leaving;
    private bool _commandsWork;
    private bool _attached;
    private long _start;

    internal VmPolicyHandler(IIntrospectedVm vm, IGenerationTarget target, EngineServices engine)
    {
        _target = target;
        _context = new VmContext(vm, engine);
        _decider = new EventDecider(_context);
        _executor = new DecisionExecutor(_context);
        _report = new DecisionReport(_context);
    }

    /// <summary>How the last event was decided; overwritten by the next one.</summary>
    public EventOutcome LastOutcome { get; } = new();

    /// <summary>What is in force on a guest page: the intersection of the policies' wishes.</summary>
    public PageAccess PageAccess(ulong gpa) => _context.Pages.InForce(gpa);

    /// <summary>The instance of a policy in service on this VM that is of a type, for tests of plugins; null when there is none. Owner thread.</summary>
    /// <typeparam name="T">Class of the policy, or an interface that it has.</typeparam>
    public T? Find<T>()
        where T : class
    {
        foreach (var policy in _set.Policies)
        {
            if (policy.InService && policy.Code is T found)
            {
                return found;
            }
        }

        return null;
    }

    /// <inheritdoc/>
    public void Attached()
    {
        _attached = true;
        _context.Engine.Add(this);
        _context.OpenJournal();
        TakeOverIfNew();
    }

    /// <inheritdoc/>
    public void OnEvent(in EventFrame frame, ref EventReply reply)
    {
        ref var seen = ref _context.EventCounts[(int)frame.Kind];
        Volatile.Write(ref seen, seen + 1);
        LastOutcome.Clear(frame.Kind);
        _deadline.Begin();
        _decider.Reset();
        if (frame.Kind == EventKind.CreateVcpu)
        {
            // Before a waiting generation is taken over: its differences are counted from what this vCPU has now.
            _context.Traps.VcpuCreated(frame.Vcpu);
            _context.Singlesteps.VcpuCreated(frame.Vcpu);
            _context.Views.VcpuCreated(frame.Vcpu);
        }
        else if (frame.Vcpu >= _context.Traps.VcpuCount)
        {
            // Plugged in where the dialect has no event for it.
            _context.Traps.VcpuCreated(frame.Vcpu);
        }

        var before = _set;
        TakeOverIfNew();

        // What it takes to start a new generation is no policy's decision time.
        var start = _start = ReferenceEquals(before, _set) ? _context.Foreign.EventStart(_context.Engine.Time) : _context.Engine.Time.GetTimestamp();
        var current = _context.Event;
        current.Facts = new EventFacts(in frame);
        current.Regs = frame.Regs;
        current.Number++;
        current.Timestamp = start;
        current.OwnBreakpoint = false;
        current.HasEdits = false;
        current.OwnStep = false;
        current.Active = true;
        _context.Memory.Cache.Forget();
        try
        {
            _context.Engine.Faults?.BeforeEvent();
            Decide(in frame, ref reply, start);
        }
        finally
        {
            current.Active = false;
        }

        ShowShadow(in frame);
        if (frame.Kind == EventKind.Singlestep)
        {
            _context.Singlesteps.Settle(frame.Vcpu);
        }

        if (_set.QuarantineDue)
        {
            Quarantine();
        }
    }

    /// <inheritdoc/>
    public void OnNotification(in EventFrame frame)
    {
        if (frame.Kind == EventKind.CommandError)
        {
            _context.Status(
                "command-error",
                null,
                $"Command {frame.FailedCommandId} (sequence {frame.FailedCommandSequence}) failed with {frame.FailedCommandError}.");
        }
    }

    /// <inheritdoc/>
    public void Idle()
    {
        TakeOverIfNew();
        if (_attached && _context.Traps.LooksForVcpus)
        {
            _context.Vm.RefreshVcpuCount();
        }

        if (_attached && _context.Vm.VcpuCount > _context.Traps.VcpuCount)
        {
            _context.Traps.VcpuCreated((ushort)Math.Min(_context.Vm.VcpuCount - 1, ushort.MaxValue));
        }

        if (_attached && _context.Traps.HasPending)
        {
            _context.Traps.Retry();
        }
    }

    private void Decide(in EventFrame frame, ref EventReply reply, long start)
    {
        var set = _set;
        if (_context.Foreign.HasPassed)
        {
            // A new generation took too long to start.
            DecideLate(set, start, ref reply);
            return;
        }

        var count = _decider.Collect(set, in frame, out var note);
        if (count < 0)
        {
            reply.Action = EventAction.Retry;
            _report.Write(LastOutcome, default, Decision.Retry, winner: -1, wouldHave: -1, note, Elapsed(start));
            return;
        }

        if (_context.Foreign.HasPassed)
        {
            DecideLate(set, start, ref reply);
            return;
        }

        var votes = set.Votes.AsSpan(0, count);
        var winner = EventDecider.Rank(votes, frame.Kind, out var wouldHave);
        var inForce = _executor.Execute(set, votes, winner, _decider.InstructionLength, ref reply);
        if (_deadline.IsGiven)
        {
            // It passed while the decision was carried out; the guest has had its weaker form.
            (inForce, note) = (_deadline.Decision, LateNote);
        }

        _deadline.Decide(in reply);
        var elapsed = Elapsed(start);
        if (count > 0)
        {
            DecisionReport.Count(votes, elapsed);
        }

        _report.Write(LastOutcome, votes, inForce, winner, wouldHave, note, elapsed);
    }

    private long Elapsed(long start) => (long)((_context.Engine.Time.GetTimestamp() - start) * _context.Engine.NanosecondsPerTick);

    private void TakeOverIfNew()
    {
        if (_attached && _context.Master != _context.Engine.Master)
        {
            ChangeMaster(_context.Engine.Master);
        }

        if (_attached && !ReferenceEquals(_context.Modes, _context.Engine.Modes))
        {
            ChangeModes(_context.Engine.Modes);
        }

        var next = _target.Current;
        if (_attached && !ReferenceEquals(next, _set.Generation))
        {
            TakeOver(next);
        }
    }

    private void TakeOver(Generation? next)
    {
        // A generation that nobody holds any more was superseded in the meantime: the one after it is current by now.
        while (next is not null && !next.TryAcquire())
        {
            next = _target.Current;
        }

        if (next is null)
        {
            return;
        }

        var before = _set;
        if (ReferenceEquals(next, before.Generation))
        {
            next.Release();
            return;
        }

        _change = new GenerationChange(next, before, new PolicySetBuilder(_context, before, next));
        Change(_change);
    }

    /// <summary>Makes a change, or what is left of it when a thread was lost on the way.</summary>
    /// <param name="change">The change.</param>
    /// <param name="hung">The policy whose first code has kept that thread; null when it was none.</param>
    private void Change(GenerationChange change, PolicyInstance? hung = null)
    {
        try
        {
            if (hung is not null)
            {
                change.Builder.RefuseHung(hung);
            }

            // What is new is taken first, so that nothing that both generations protect is open in between.
            if (!change.IsBuilt)
            {
                _set = change.Builder.Build();
                change.IsBuilt = true;
            }

            foreach (var policy in change.Before.Policies)
            {
                if (policy.InService && !_set.Contains(policy))
                {
                    Retire(policy);
                }
            }
        }
        catch (Exception exception) when (exception is not HandlerAbandonedException)
        {
            _change = null;
            if (change.IsBuilt)
            {
                change.Before.Release();
            }
            else
            {
                change.Next.Release();
            }

            throw;
        }

        _change = null;
        change.Before.Release();
    }
}
