using Kvmi.Policy.Engine.Output;
using Kvmi.Policy.Host.Output;
using Kvmi.Policy.Host.Sinks;

namespace Kvmi.Policy.Host.Control;

/// <summary>
/// The run's output on its way to stdout, with a history of decisions and readers who look on. Harmless decisions, which are written only
/// while somebody asked for them, stay away from stdout.
/// </summary>
internal sealed class RecordFeed : IOutputSink
{
    /// <summary>Readers at a time.</summary>
    public const int MaxReaders = 16;

    private readonly Lock _lock = new();
    private readonly ResultWriter _results;
    private RecordReader[] _readers = [];
    private long _lost;
    private bool _ended;

    public RecordFeed(ResultWriter results)
    {
        _results = results;
        results.Written = Pass;
    }

    /// <summary>Where the lines go besides; null for nowhere.</summary>
    public SinkSet? Sinks { get; init; }

    /// <summary>The latest decisions.</summary>
    public DecisionHistory Decisions { get; } = new();

    /// <summary>Readers now.</summary>
    public int Readers => Volatile.Read(ref _readers).Length;

    /// <summary>Lines that readers have lost since the start.</summary>
    public long Lost => Interlocked.Read(ref _lost);

    /// <inheritdoc/>
    public void Write(OutputRecord record)
    {
        if (record is DecisionOutput decision)
        {
            Decisions.Add(decision);
            if (decision.IsHarmless)
            {
                Pass(record);
                return;
            }
        }

        // Comes back through Pass, as all lines that the host itself writes do.
        _results.Write(record);
    }

    /// <summary>Lets somebody look on from now.</summary>
    /// <returns>Null when there are too many already, or the run ends.</returns>
    public RecordReader? TryAdd(RecordFilter filter)
    {
        lock (_lock)
        {
            if (_ended || _readers.Length >= MaxReaders)
            {
                return null;
            }

            var reader = new RecordReader(filter);
            _readers = [.. _readers, reader];
            return reader;
        }
    }

    /// <summary>A reader is gone.</summary>
    public void Remove(RecordReader reader)
    {
        lock (_lock)
        {
            _readers = [.. _readers.Where(other => other != reader)];
        }
    }

    /// <summary>The readers get what waits, and no more.</summary>
    public void End()
    {
        lock (_lock)
        {
            _ended = true;
            foreach (var reader in _readers)
            {
                reader.End();
            }
        }
    }

    private void Pass(OutputRecord record)
    {
        Sinks?.Offer(record);
        foreach (var reader in Volatile.Read(ref _readers))
        {
            if (!reader.Offer(record))
            {
                Interlocked.Increment(ref _lost);
            }
        }
    }
}
