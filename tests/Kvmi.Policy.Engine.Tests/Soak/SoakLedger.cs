using System.Collections.Concurrent;
using Kvmi.Policy.Engine.Decisions;
using Kvmi.Policy.Engine.Runtime;
using Kvmi.Protocol;
using Kvmi.Protocol.Events;
using Kvmi.Session.Deadlines;
using Kvmi.Session.Vm;

namespace Kvmi.Policy.Engine.Tests.Soak;

/// <summary>Between session and engine: keeps books of its own on every event that the engine was given and on every vote.</summary>
internal sealed class SoakLedger(PolicyEngine engine) : IVmHandlerFactory
{
    private readonly ConcurrentDictionary<(string Policy, bool Audit, DecisionKind Kind), long> _votes = [];
    private readonly ConcurrentDictionary<string, long> _events = [];
    private readonly ConcurrentDictionary<DecisionKind, long> _decisions = [];
    private readonly ConcurrentQueue<Trail> _trails = [];
    private long _given;
    private long _decided;
    private long _told;
    private long _abandoned;
    private long _lost;
    private long _late;

    /// <summary>Events that the engine was given.</summary>
    public long Given => Volatile.Read(ref _given);

    /// <summary>Events from which the engine came back, in time or late.</summary>
    public long Decided => Volatile.Read(ref _decided);

    /// <summary>Those of them that policies may decide about; CREATE_VCPU is the engine's own.</summary>
    public long Told => Volatile.Read(ref _told);

    /// <summary>Events in which the thread was lost.</summary>
    public long Abandoned => Volatile.Read(ref _abandoned);

    /// <summary>Events in which the connection was lost.</summary>
    public long Lost => Volatile.Read(ref _lost);

    /// <summary>Events that were answered at their deadline.</summary>
    public long Late => Volatile.Read(ref _late);

    /// <summary>Votes of each policy.</summary>
    public IReadOnlyDictionary<(string Policy, bool Audit, DecisionKind Kind), long> Votes => _votes;

    /// <summary>Decisions by kind.</summary>
    public IReadOnlyDictionary<DecisionKind, long> Decisions => _decisions;

    /// <summary>Events that the engine was given of one VM.</summary>
    public long EventsOf(string vm) => _events.GetValueOrDefault(vm);

    /// <summary>Connections whose events have not all one end, with what was last told of them; for messages.</summary>
    public string Open => string.Join('\n', _trails.Where(trail => trail.Given != trail.Closed).Select(trail => trail.ToString()));

    public IVmHandler Create(IIntrospectedVm vm)
    {
        var trail = new Trail(vm.Identity.Name!);
        _trails.Enqueue(trail);
        return new Handler(this, trail, (VmPolicyHandler)engine.Create(vm));
    }

    private void Count(EventOutcome outcome)
    {
        for (var i = 0; i < outcome.VoteCount; i++)
        {
            var (policy, kind, audit) = outcome.Vote(i);
            _votes.AddOrUpdate((policy, audit, kind), 1, (_, count) => count + 1);
        }
    }

    /// <summary>The last steps of one connection. Keeps nothing of the engine's alive.</summary>
    private sealed class Trail(string vm)
    {
        private const int Kept = 12;
        private readonly ConcurrentQueue<string> _steps = [];

        public string Vm => vm;

        public long Given { get; private set; }

        public long Closed { get; private set; }

        public void Give(in EventFrame frame)
        {
            Given++;
            Note($"given {frame.Kind} {frame.Sequence}");
        }

        public void Close(string how)
        {
            Closed++;
            Note(how);
        }

        public void Note(string step)
        {
            _steps.Enqueue($"{step} (thread {Environment.CurrentManagedThreadId})");
            while (_steps.Count > Kept)
            {
                _steps.TryDequeue(out _);
            }
        }

        public override string ToString() => $"{vm}: {Given} given, {Closed} closed: {string.Join(", ", _steps)}";
    }

    private sealed class Handler(SoakLedger ledger, Trail trail, VmPolicyHandler inner) : IVmHandler
    {
        private bool _open;

        public bool LendsThread => inner.LendsThread;

        public void Attached() => inner.Attached();

        public void OnNotification(in EventFrame frame) => inner.OnNotification(in frame);

        public void Idle() => inner.Idle();

        public void Detaching(DetachReason reason)
        {
            trail.Note($"detaching: {reason}");
            inner.Detaching(reason);
        }

        public void OnEvent(in EventFrame frame, ref EventReply reply)
        {
            Interlocked.Increment(ref ledger._given);
            ledger._events.AddOrUpdate(trail.Vm, 1, (_, count) => count + 1);
            trail.Give(in frame);
            _open = true;
            try
            {
                inner.OnEvent(in frame, ref reply);
            }
            catch (Exception exception) when (exception is not HandlerAbandonedException)
            {
                // Where the thread was lost, its successor closes the event and not this one.
                Close(ref ledger._lost, "lost");
                throw;
            }

            if (frame.Kind != EventKind.CreateVcpu)
            {
                Interlocked.Increment(ref ledger._told);
            }

            ledger._decisions.AddOrUpdate(inner.LastOutcome.Decision, 1, (_, count) => count + 1);
            Close(ref ledger._decided, "decided");
        }

        public void OnDeadline(in EventFrame frame, ref EventReply reply)
        {
            Interlocked.Increment(ref ledger._late);
            inner.OnDeadline(in frame, ref reply);
        }

        public void Replaced()
        {
            trail.Note("replaced");
            try
            {
                inner.Replaced();
            }
            catch (Exception exception) when (exception is not HandlerAbandonedException)
            {
                CloseAbandoned();
                throw;
            }

            CloseAbandoned();
        }

        private void CloseAbandoned()
        {
            if (_open)
            {
                Close(ref ledger._abandoned, "abandoned");
            }
        }

        private void Close(ref long counter, string how)
        {
            trail.Close(how);
            _open = false;
            Interlocked.Increment(ref counter);
            ledger.Count(inner.LastOutcome);
        }
    }
}
