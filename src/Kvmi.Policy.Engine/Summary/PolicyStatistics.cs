using System.Collections.Concurrent;

namespace Kvmi.Policy.Engine.Summary;

/// <summary>
/// Counters of one policy over all VMs and generations. Adding is safe from any thread and never allocates or locks.
/// </summary>
public sealed class PolicyStatistics
{
    private readonly long[] _decisions = new long[(int)DecisionKind.Crash + 1];
    private readonly long[] _wouldHave = new long[(int)DecisionKind.Crash + 1];
    private readonly LatencyHistogram _latency = new();
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
    public long Events => Sum(_decisions) + Sum(_wouldHave);

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

    /// <summary>Time from the call of the first handler of an event to the decision, as nanoseconds.</summary>
    public LatencyHistogram Latency => _latency;

    /// <summary>Events above the policy's rate, whether a handler was called for them or not.</summary>
    public long OverRate => Volatile.Read(ref _overRate);

    /// <summary>Numbers that the policy itself publishes, by VM and name; set by the engine when it reads them.</summary>
    public ConcurrentDictionary<(string Vm, string Name), IPolicyFact> Facts { get; } = new();

    /// <summary>Votes that counted, by kind.</summary>
    public long Decisions(DecisionKind kind) => Volatile.Read(ref _decisions[(int)kind]);

    /// <summary>Audit votes, by kind.</summary>
    public long WouldHave(DecisionKind kind) => Volatile.Read(ref _wouldHave[(int)kind]);

    /// <summary>Counts an event and the policy's vote on it.</summary>
    public void CountVote(DecisionKind kind, bool audit) => Interlocked.Increment(ref audit ? ref _wouldHave[(int)kind] : ref _decisions[(int)kind]);

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

    private static long Sum(long[] counters)
    {
        long sum = 0;
        foreach (ref readonly var counter in counters.AsSpan())
        {
            sum += Volatile.Read(in counter);
        }

        return sum;
    }
}
