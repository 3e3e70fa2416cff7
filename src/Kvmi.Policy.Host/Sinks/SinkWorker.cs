using System.Globalization;
using System.Net.Sockets;
using Kvmi.Policy.Engine.Output;
using Kvmi.Policy.Host.Output;

namespace Kvmi.Policy.Host.Sinks;

/// <summary>
/// One sink with its bounded queue and its thread. Nobody who offers a record waits for the receiver. While the receiver fails, the records
/// that wait are kept and tried again, and what finds the queue full is lost and counted: that is said once when it begins and once when it
/// is over, to the run's output and, as a line of its own, to the receiver.
/// </summary>
internal sealed class SinkWorker : IDisposable
{
    private static readonly TimeSpan WaitAtTheEnd = TimeSpan.FromMilliseconds(250);

    private readonly object _gate = new();
    private readonly Queue<OutputRecord> _waiting = [];
    private readonly SinkSpec _spec;
    private readonly string _name;
    private readonly IRecordSink _sink;
    private readonly TimeProvider _time;
    private readonly Action<StatusOutput> _say;
    private readonly Backoff _backoff;
    private readonly CancellationTokenSource _hurry = new();
    private readonly CancellationTokenSource _abandon = new();
    private readonly Thread _thread;
    private SinkBatch? _current;
    private long _batches;
    private long _delivered;
    private long _lost;
    private long _lostUntold;
    private long _failures;
    private bool _isFailing;
    private bool _isEnding;
    private bool _isGivenUp;

    /// <summary>Starts the thread.</summary>
    /// <param name="name">What it is called, different from the others.</param>
    /// <param name="spec">What was asked for.</param>
    /// <param name="sink">Where the lines go; disposed with this object.</param>
    /// <param name="time">Clock of time-outs and waits.</param>
    /// <param name="random">Numbers from 0 to below 1, for the waits.</param>
    /// <param name="say">Takes status lines about the sink; must neither wait nor throw.</param>
    public SinkWorker(string name, SinkSpec spec, IRecordSink sink, TimeProvider time, Func<double> random, Action<StatusOutput> say)
    {
        _name = name;
        _spec = spec;
        _sink = sink;
        _time = time;
        _say = say;
        _backoff = new Backoff(random);
        _thread = new Thread(Run) { IsBackground = true, Name = $"kvmi-sink {spec.Kind}" };
        _thread.Start();
    }

    /// <summary>What was asked for.</summary>
    public SinkSpec Spec => _spec;

    /// <summary>What it has done so far. Any thread.</summary>
    public SinkState State
    {
        get
        {
            lock (_gate)
            {
                return new SinkState(_name, _delivered, _lost, _waiting.Count + Left(_current), _failures, _isFailing);
            }
        }
    }

    /// <summary>Queues a record when the sink wants it. Never waits for the receiver. Any thread.</summary>
    public void Offer(OutputRecord record)
    {
        if (!_spec.Filter.Matches(record))
        {
            return;
        }

        lock (_gate)
        {
            if (_isEnding || _isGivenUp || _waiting.Count >= _spec.Queue)
            {
                _lost++;
                _lostUntold++;
                return;
            }

            // The receiver hears of a gap where it is.
            EnqueueLost();
            _waiting.Enqueue(record);
            Monitor.PulseAll(_gate);
        }
    }

    /// <summary>No record follows; what waits is delivered without further patience between the tries.</summary>
    public void BeginEnd()
    {
        lock (_gate)
        {
            _isEnding = true;
            Monitor.PulseAll(_gate);
        }

        _hurry.Cancel();
    }

    /// <summary>Waits for the end, and gives up at a limit: what is left then is lost.</summary>
    public void WaitForEnd(TimeSpan limit)
    {
        if (_thread.Join(limit))
        {
            return;
        }

        lock (_gate)
        {
            GiveUp();
        }

        // A receiver that is waited for lets go at once. A disk that hangs does not: its thread is left behind and ends with the process.
        _abandon.Cancel();
        _thread.Join(WaitAtTheEnd);
    }

    public void Dispose()
    {
        BeginEnd();
        WaitForEnd(_isGivenUp ? TimeSpan.Zero : SinkSet.Patience);
        if (_thread.IsAlive)
        {
            return;
        }

        _sink.Dispose();
        _hurry.Dispose();
        _abandon.Dispose();
    }

    private static int Left(SinkBatch? batch) => batch is null ? 0 : batch.Records.Count - batch.Delivered;

    private void Run()
    {
        while (Take() is { } batch)
        {
            Deliver(batch);
        }
    }

    private SinkBatch? Take()
    {
        lock (_gate)
        {
            while (_waiting.Count == 0 && !_isEnding && !_isGivenUp && _lostUntold == 0)
            {
                Monitor.Wait(_gate);
            }

            if (_waiting.Count == 0)
            {
                EnqueueLost();
            }

            if (_waiting.Count == 0 || _isGivenUp)
            {
                return null;
            }

            List<OutputRecord> records = [];
            while (records.Count < _sink.MaxBatch && _waiting.TryDequeue(out var record))
            {
                records.Add(record);
            }

            return _current = new SinkBatch(++_batches, records);
        }
    }

    private void Deliver(SinkBatch batch)
    {
        while (!_abandon.IsCancellationRequested)
        {
            var failure = Try(batch);
            if (failure is null)
            {
                Done(batch);
                return;
            }

            if (Fails(batch, failure) is not { } wait)
            {
                return;
            }

            Pause(wait);
        }
    }

    // Holds the gate. One line more than the bound: a gap is not forgotten because the queue is full again.
    private void EnqueueLost()
    {
        if (_lostUntold == 0 || _isGivenUp)
        {
            return;
        }

        _waiting.Enqueue(Status(
            "lost-output",
            string.Create(CultureInfo.InvariantCulture, $"Here {Words.Count(_lostUntold, "line")} did not reach {_name}; {_lost} since the start."),
            new OutputField("sink", _name),
            new OutputField("lost", _lostUntold),
            new OutputField("total", _lost)));
        _lostUntold = 0;
    }

    private Exception? Try(SinkBatch batch)
    {
        try
        {
            using var limit = new CancellationTokenSource(_spec.Timeout, _time);
            using var either = CancellationTokenSource.CreateLinkedTokenSource(limit.Token, _abandon.Token);
            try
            {
                _sink.DeliverAsync(batch, either.Token).AsTask().GetAwaiter().GetResult();
                return null;
            }
            catch (OperationCanceledException) when (limit.IsCancellationRequested)
            {
                return new IOException($"the receiver took nothing for {_spec.Timeout.TotalSeconds.ToString("0.###", CultureInfo.InvariantCulture)} s");
            }
        }
        catch (Exception exception)
        {
            // Whatever a receiver or a disk brings about must not end the thread: the others wait for nobody, but this sink has only the one.
            return exception;
        }
    }

    private void Done(SinkBatch batch)
    {
        var wasFailing = false;
        long lost;
        lock (_gate)
        {
            _current = null;
            if (!_isGivenUp)
            {
                _delivered += batch.Records.Count;
            }

            (wasFailing, _isFailing) = (_isFailing, false);
            lost = _lost;
        }

        _backoff.Reset();
        if (wasFailing)
        {
            _say(Status(
                "sink-works",
                string.Create(CultureInfo.InvariantCulture, $"The sink {_name} works again; {Words.Count(lost, "line")} lost since the start."),
                new OutputField("sink", _name),
                new OutputField("lost", lost)));
        }
    }

    /// <returns>How long to wait before the next try; null when there is none.</returns>
    private TimeSpan? Fails(SinkBatch batch, Exception failure)
    {
        var refused = failure is SinkRefusedException;
        var gone = failure is SinkGoneException;
        bool isNews;
        lock (_gate)
        {
            _failures++;
            if (gone)
            {
                _isFailing = true;
                GiveUp();
            }

            isNews = !_isFailing && !_isGivenUp;
            _isFailing = true;
            if (refused && !_isGivenUp)
            {
                _delivered += batch.Delivered;
                _lost += Left(batch);

                // Not of a line about lost lines, of which there would be no end.
                _lostUntold += batch.Rest.LongCount(record => record is not StatusOutput { Status: "lost-output" });
                _current = null;
            }
        }

        if (gone)
        {
            _say(Status(
                "sink-cut-off",
                $"The sink {_name} is cut off: {Reason(failure)}; its lines are lost until the host is started again.",
                new OutputField("sink", _name)));
            return null;
        }

        if (isNews)
        {
            var next = refused ? "these lines are lost" : $"it is tried again, and up to {_spec.Queue} lines wait";
            _say(Status(
                "sink-failed",
                $"The sink {_name} does not work: {Reason(failure)}; {next}.",
                new OutputField("sink", _name)));
        }

        return refused ? null : _backoff.Next((failure as SinkBusyException)?.After);
    }

    // "An error occurred while sending the request" helps nobody; what lies below does.
    private static string Reason(Exception failure)
    {
        var inner = failure;
        while (inner.InnerException is { } deeper)
        {
            inner = deeper;
        }

        return (inner is SocketException or IOException ? inner : failure).Message.TrimEnd('.');
    }

    private void Pause(TimeSpan wait)
    {
        lock (_gate)
        {
            wait = _isEnding && wait > WaitAtTheEnd ? WaitAtTheEnd : wait;
        }

        var token = _hurry.IsCancellationRequested ? _abandon.Token : _hurry.Token;
        try
        {
            Task.Delay(wait, _time, token).GetAwaiter().GetResult();
        }
        catch (OperationCanceledException)
        {
            // The end has begun.
        }
    }

    // Holds the gate.
    private void GiveUp()
    {
        if (_isGivenUp)
        {
            return;
        }

        _isGivenUp = true;
        _delivered += _current?.Delivered ?? 0;
        _lost += _waiting.Count + Left(_current);
        _waiting.Clear();
        _current = null;
    }

    private StatusOutput Status(string status, string message, params OutputField[] fields) =>
        new() { Time = _time.GetUtcNow(), Status = status, Message = message, Fields = fields };
}
