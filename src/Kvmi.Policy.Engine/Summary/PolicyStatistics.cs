using System.Collections.Concurrent;
using Kvmi.Policy.Engine.Runtime.Services;

namespace Kvmi.Policy.Engine.Summary;

/// <summary>
/// Counters of one policy over all VMs and generations. Adding is safe from any thread and never allocates or locks; what is counted at every
/// event is counted by each instance for itself and added up when somebody asks.
/// </summary>
public sealed class PolicyStatistics
{
    private readonly long[] _decisions = new long[(int)DecisionKind.Crash + 1];
    private readonly long[] _wouldHave = new long[(int)DecisionKind.Crash + 1];
    private readonly LatencyHistogram _latency = new();
    private readonly Lock _lock = new();
    private readonly List<PolicyTally> _tallies = [];
    private long _alerts;
    private long _records;
    private long _errors;
    private long _suppressedAlerts;
    private long _timeouts;
    private long _overRate;
    private long _suppressedRecords;

    /// <summary>Makes empty counters.</summary>
    /// <param name="policyId">The policy.</param>
    public PolicyStatistics(string policyId) => PolicyId = policyId;

    /// <summary>The policy.</summary>
    public string PolicyId { get; }

    /// <summary>Events that reached a handler.</summary>
    public long Events
    {
        get
        {
            long sum = 0;
            for (var kind = DecisionKind.Allow; kind <= DecisionKind.Crash; kind++)
            {
                sum += Decisions(kind) + WouldHave(kind);
            }

            return sum;
        }
    }

    /// <summary>Alerts raised, without the suppressed ones.</summary>
    public long Alerts => Volatile.Read(ref _alerts);

    /// <summary>Alerts that dedupe, throttle or the rate kept back.</summary>
    public long SuppressedAlerts => Volatile.Read(ref _suppressedAlerts);

    /// <summary>Records written.</summary>
    public long Records => Volatile.Read(ref _records);

    /// <summary>Records that the rate kept back.</summary>
    public long SuppressedRecords => Volatile.Read(ref _suppressedRecords);

    /// <summary>Handler errors.</summary>
    public long Errors => Volatile.Read(ref _errors);

    /// <summary>Events whose time-out the policy has passed.</summary>
    public long Timeouts => Volatile.Read(ref _timeouts);

    /// <summary>Time from the begin of an event to the decision, as nanoseconds: a snapshot that is made at each call.</summary>
    public LatencyHistogram Latency
    {
        get
        {
            var sum = new LatencyHistogram();
            lock (_lock)
            {
                sum.Add(_latency);
                foreach (var tally in _tallies)
                {
                    tally.AddTo(sum);
                }
            }

            return sum;
        }
    }

    /// <summary>Events above the policy's rate, whether a handler was called for them or not.</summary>
    public long OverRate => Volatile.Read(ref _overRate);

    /// <summary>Numbers that the policy itself publishes, by VM and name; set by the engine when it reads them.</summary>
    public ConcurrentDictionary<(string Vm, string Name), IPolicyFact> Facts { get; } = new();

    /// <summary>Histograms that the policy itself publishes, by VM and name.</summary>
    internal ConcurrentDictionary<(string Vm, string Name), KeyCounts> Counts { get; } = new();

    /// <summary>Votes that counted, by kind.</summary>
    public long Decisions(DecisionKind kind) => Votes(_decisions, kind, audit: false);

    /// <summary>Audit votes, by kind.</summary>
    public long WouldHave(DecisionKind kind) => Votes(_wouldHave, kind, audit: true);

    /// <summary>Counts an alert.</summary>
    public void CountAlert(bool suppressed) => Interlocked.Increment(ref suppressed ? ref _suppressedAlerts : ref _alerts);

    /// <summary>Counts an alert or a record that the rate kept back.</summary>
    public void CountDropped(bool isAlert) => Interlocked.Increment(ref isAlert ? ref _suppressedAlerts : ref _suppressedRecords);

    /// <summary>Counts a record.</summary>
    public void CountRecord() => Interlocked.Increment(ref _records);

    /// <summary>Counts a time-out; it is counted as an error besides.</summary>
    public void CountTimeout() => Interlocked.Increment(ref _timeouts);

    /// <summary>Counts an event above the policy's rate.</summary>
    public void CountOverRate() => Interlocked.Increment(ref _overRate);

    /// <summary>Counts an error.</summary>
    public void CountError() => Interlocked.Increment(ref _errors);

    /// <summary>Opens the counters of a further instance; they count until they are closed.</summary>
    internal PolicyTally OpenTally()
    {
        var tally = new PolicyTally(this);
        lock (_lock)
        {
            _tallies.Add(tally);
        }

        return tally;
    }

    /// <summary>Takes over what an instance has counted. Closing twice does nothing.</summary>
    internal void Close(PolicyTally tally)
    {
        lock (_lock)
        {
            if (!_tallies.Remove(tally))
            {
                return;
            }

            for (var kind = DecisionKind.Allow; kind <= DecisionKind.Crash; kind++)
            {
                _decisions[(int)kind] += tally.Votes(kind, audit: false);
                _wouldHave[(int)kind] += tally.Votes(kind, audit: true);
            }

            tally.AddTo(_latency);
        }
    }

    private long Votes(long[] closed, DecisionKind kind, bool audit)
    {
        lock (_lock)
        {
            var sum = closed[(int)kind];
            foreach (var tally in _tallies)
            {
                sum += tally.Votes(kind, audit);
            }

            return sum;
        }
    }
}
