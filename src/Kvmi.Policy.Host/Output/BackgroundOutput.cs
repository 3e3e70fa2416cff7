using Kvmi.Policy.Engine.Output;

namespace Kvmi.Policy.Host.Output;

/// <summary>
/// A bounded queue of records and the one thread that writes them. Nobody who adds a record waits for whoever reads stdout: not the thread of a VM, not
/// the end of the run. What finds the queue full is lost, and counted.
/// </summary>
internal sealed class BackgroundOutput : IDisposable
{
    /// <summary>Records that may wait; some hundred bytes each.</summary>
    public const int Capacity = 16_384;

    /// <summary>How long the end waits for a reader who takes nothing. One who takes a little is waited for.</summary>
    public static readonly TimeSpan Patience = TimeSpan.FromSeconds(3);

    private readonly object _gate = new();
    private readonly Queue<OutputRecord> _waiting = [];
    private readonly Action<OutputRecord> _write;
    private readonly Action<long> _countLost;
    private readonly TimeProvider _time;
    private readonly Thread _thread;
    private long _written;
    private bool _isWriting;
    private bool _isEnding;
    private bool _isGivenUp;

    /// <summary>Starts the thread.</summary>
    /// <param name="write">Writes a record; may block for ever.</param>
    /// <param name="countLost">Told of records that are lost.</param>
    /// <param name="time">Clock of the patience.</param>
    public BackgroundOutput(Action<OutputRecord> write, Action<long> countLost, TimeProvider time)
    {
        _write = write;
        _countLost = countLost;
        _time = time;
        _thread = new Thread(Run) { IsBackground = true, Name = "kvmi-output" };
        _thread.Start();
    }

    /// <summary>Queues a record. Never waits. Any thread.</summary>
    public void Add(OutputRecord record)
    {
        lock (_gate)
        {
            if (!_isGivenUp && !_isEnding && _waiting.Count < Capacity)
            {
                _waiting.Enqueue(record);
                Monitor.PulseAll(_gate);
                return;
            }
        }

        _countLost(1);
    }

    /// <summary>Writes out what waits. Gives up when nobody has taken anything for <see cref="Patience"/>.</summary>
    /// <returns>False when records were left over; they count as lost.</returns>
    public bool Drain()
    {
        lock (_gate)
        {
            var written = _written;
            var since = _time.GetTimestamp();
            while (_waiting.Count > 0 || _isWriting)
            {
                var rest = Patience - _time.GetElapsedTime(since);
                if (rest <= TimeSpan.Zero)
                {
                    if (!_isGivenUp)
                    {
                        _isGivenUp = true;
                        _countLost(_waiting.Count + (_isWriting ? 1 : 0));
                        _waiting.Clear();
                    }

                    return false;
                }

                Monitor.Wait(_gate, rest);
                if (_written != written)
                {
                    written = _written;
                    since = _time.GetTimestamp();
                }
            }

            return !_isGivenUp;
        }
    }

    /// <summary>As <see cref="Drain"/>, and ends the thread. One that hangs in a write is left behind: it ends with the process.</summary>
    public void Dispose()
    {
        Drain();
        lock (_gate)
        {
            _isEnding = true;
            Monitor.PulseAll(_gate);
        }
    }

    private void Run()
    {
        while (Take() is { } record)
        {
            _write(record);
            lock (_gate)
            {
                _written++;
                _isWriting = false;
                Monitor.PulseAll(_gate);
            }
        }
    }

    private OutputRecord? Take()
    {
        lock (_gate)
        {
            OutputRecord? record;
            while (!_waiting.TryDequeue(out record) && !_isEnding)
            {
                Monitor.Wait(_gate);
            }

            _isWriting = record is not null;
            return record;
        }
    }
}
