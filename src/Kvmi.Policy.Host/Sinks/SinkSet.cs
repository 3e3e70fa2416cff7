using Kvmi.Policy.Engine.Output;
using Kvmi.Policy.Host.CommandLine;
using Kvmi.Policy.Host.Output.Records;

namespace Kvmi.Policy.Host.Sinks;

/// <summary>The sinks of a run. A sink knows nothing of the others.</summary>
internal sealed class SinkSet : IDisposable
{
    /// <summary>How long the end waits for all sinks together.</summary>
    public static readonly TimeSpan Patience = TimeSpan.FromSeconds(5);

    private readonly List<SinkWorker> _workers = [];
    private readonly TimeProvider _time;
    private volatile bool _hasEnded;

    private SinkSet(TimeProvider time) => _time = time;

    /// <summary>Opens the sinks. A receiver that is not there yet is no error, a file that cannot be written is one.</summary>
    /// <param name="specs">What was asked for.</param>
    /// <param name="time">The clock.</param>
    /// <param name="say">Takes status lines about sinks.</param>
    /// <exception cref="HostEnvironmentException">A file cannot be had.</exception>
    public static SinkSet Open(IReadOnlyList<SinkSpec> specs, TimeProvider time, Action<StatusOutput> say)
    {
        var set = new SinkSet(time);
        try
        {
            foreach (var spec in specs)
            {
                set._workers.Add(new SinkWorker(set.NameOf(spec), spec, spec.Open(time), time, Random.Shared.NextDouble, say));
            }
        }
        catch
        {
            set.Dispose();
            throw;
        }

        return set;
    }

    /// <summary>What the sinks have done so far. Any thread.</summary>
    public IReadOnlyList<SinkState> States => [.. _workers.Select(worker => worker.State)];

    /// <summary>
    /// Offers a record to all. Never waits for a receiver. What comes after the end, which is lines about the sinks themselves, is for stdout alone and
    /// no loss. Any thread.
    /// </summary>
    public void Offer(OutputRecord record)
    {
        if (_hasEnded)
        {
            return;
        }

        foreach (var worker in _workers)
        {
            worker.Offer(record);
        }
    }

    /// <summary>Delivers what waits, for at most <see cref="Patience"/>.</summary>
    /// <returns>A summary line for each sink.</returns>
    public IReadOnlyList<SinkSummaryOutput> End()
    {
        var start = _time.GetTimestamp();
        _hasEnded = true;
        _workers.ForEach(worker => worker.BeginEnd());
        foreach (var worker in _workers)
        {
            var rest = Patience - _time.GetElapsedTime(start);
            worker.WaitForEnd(rest > TimeSpan.Zero ? rest : TimeSpan.Zero);
        }

        return [.. States.Select(state => new SinkSummaryOutput { Time = _time.GetUtcNow(), State = state })];
    }

    // Two sinks with one target and different filters have different counters.
    private string NameOf(SinkSpec spec)
    {
        var same = _workers.Count(worker => worker.Spec.Name == spec.Name);
        return same == 0 ? spec.Name : $"{spec.Name}#{same + 1}";
    }

    public void Dispose()
    {
        if (!_hasEnded)
        {
            End();
        }

        _workers.ForEach(worker => worker.Dispose());
    }
}
