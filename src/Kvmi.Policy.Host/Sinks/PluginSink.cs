using System.Buffers;
using System.Net.Sockets;
using Kvmi.Policy.Engine.Output;
using Kvmi.Policy.Engine.Plugins;
using Kvmi.Policy.Host.Output;

namespace Kvmi.Policy.Host.Sinks;

/// <summary>
/// A class of a plugin as a sink. Its code runs on a thread of its own, so that one that hangs costs that thread and nothing else: the thread is
/// left behind, and the sink is cut off. So is one that throws five times in a row what no receiver brings about.
/// </summary>
internal sealed class PluginSink : IRecordSink
{
    /// <summary>Lines of one delivery: all of them must pass within the sink's timeout.</summary>
    private const int Batch = 100;

    private const int MaxErrors = 5;
    private const int MaxText = 512;

    /// <summary>How long a call may take to notice that it was cancelled.</summary>
    private static readonly TimeSpan Grace = TimeSpan.FromSeconds(2);

    private readonly PluginAlertSink _plugin;
    private readonly PluginSinkTarget _target;
    private readonly TimeProvider _time;
    private readonly object _gate = new();
    private readonly JsonLineRenderer _renderer = new();
    private readonly ArrayBufferWriter<byte> _json = new(1024);
    private Job? _job;
    private bool _isClosing;
    private string? _gone;
    private int _errors;

    /// <summary>Starts the thread; the class is made when the first lines come.</summary>
    public PluginSink(PluginAlertSink plugin, PluginSinkTarget target, TimeProvider time)
    {
        _plugin = plugin;
        _target = target;
        _time = time;
        new Thread(Run) { IsBackground = true, Name = $"kvmi-sink {target.Plugin}" }.Start();
    }

    public int MaxBatch => Batch;

    public async ValueTask DeliverAsync(SinkBatch batch, CancellationToken cancellation)
    {
        if (_gone is { } reason)
        {
            throw new SinkGoneException(reason);
        }

        var job = new Job([.. batch.Rest.Select(Line)], cancellation);
        Hand(job);
        var failure = await WaitAsync(job, cancellation).ConfigureAwait(false);
        var delivered = job.Delivered;
        batch.Delivered += delivered;
        _errors = delivered > 0 || failure is null || failure.IsOutside ? 0 : _errors;
        if (failure is null)
        {
            return;
        }

        cancellation.ThrowIfCancellationRequested();
        if (!failure.IsOutside && ++_errors >= MaxErrors)
        {
            throw CutOff($"its class {_target.Class} threw {MaxErrors} times in a row, at last {failure.Text}");
        }

        throw new IOException(failure.Text);
    }

    /// <summary>Lets the class end in order, for as long as a call may take to notice.</summary>
    public void Dispose()
    {
        var close = new Job([], CancellationToken.None) { IsEnd = true };
        lock (_gate)
        {
            if (_isClosing)
            {
                return;
            }

            _isClosing = true;
            _job ??= close;
            Monitor.PulseAll(_gate);
        }

        _ = close.End.Task.Wait(Grace);
    }

    private async Task<Failure?> WaitAsync(Job job, CancellationToken cancellation)
    {
        try
        {
            return await job.End.Task.WaitAsync(cancellation).ConfigureAwait(false);
        }
        catch (OperationCanceledException)
        {
            // It was told, and may still come back by itself.
        }

        try
        {
            return await job.End.Task.WaitAsync(Grace, _time, CancellationToken.None).ConfigureAwait(false);
        }
        catch (TimeoutException)
        {
            throw CutOff($"a call of its class {_target.Class} does not return; the thread is left behind");
        }
    }

    private SinkGoneException CutOff(string reason)
    {
        _gone = $"plugin {_target.Plugin} is at fault, {reason}";
        lock (_gate)
        {
            _isClosing = true;
            Monitor.PulseAll(_gate);
        }

        return new SinkGoneException(_gone);
    }

    private void Hand(Job job)
    {
        lock (_gate)
        {
            _job = job;
            Monitor.PulseAll(_gate);
        }
    }

    // The plugin's thread.
    private void Run()
    {
        IAlertSink? sink = null;
        while (Take() is { } job)
        {
            if (!job.IsEnd)
            {
                job.End.TrySetResult(Guard(() => Deliver(ref sink, job)));
                continue;
            }

            Close(sink);
            job.End.TrySetResult(null);
            return;
        }

        Close(sink);
    }

    private Job? Take()
    {
        lock (_gate)
        {
            while (_job is null && !_isClosing)
            {
                Monitor.Wait(_gate);
            }

            var job = _job;
            _job = null;
            return job;
        }
    }

    private void Deliver(ref IAlertSink? sink, Job job)
    {
        if (sink is null)
        {
            var made = _plugin.Create();
            try
            {
                made.Open(new AlertSinkSettings { Text = _target.Text });
                sink = made;
            }
            finally
            {
                if (sink is null)
                {
                    made.Dispose();
                }
            }
        }

        foreach (var line in job.Lines)
        {
            job.Cancellation.ThrowIfCancellationRequested();
            sink.Write(line, job.Cancellation);
            job.Count();
        }

        sink.Flush(job.Cancellation);
    }

    private void Close(IAlertSink? sink)
    {
        // There is nobody left to tell; the lines are counted already.
        Guard(() => sink?.Dispose());
        _plugin.Dispose();
    }

    // The text of an exception is the plugin's code too: it is asked for here, and may throw.
    private static Failure? Guard(Action action)
    {
        try
        {
            action();
            return null;
        }
        catch (Exception exception)
        {
            var isOutside = exception is IOException or SocketException or HttpRequestException or TimeoutException or UnauthorizedAccessException;
            string text;
            try
            {
                text = exception.Message ?? "";
            }
            catch (Exception second)
            {
                text = $"(its message cannot be read: {second.GetType().Name})";
            }

            return new Failure($"{exception.GetType().Name}: {(text.Length > MaxText ? text[..MaxText] : text)}", isOutside);
        }
    }

    private AlertSinkLine Line(OutputRecord record)
    {
        _json.ResetWrittenCount();
        _renderer.Render(record, _json);
        var notice = record as NoticeOutput;
        var suppressed = record as SuppressedAlertsOutput;
        var status = record as StatusOutput;
        return new AlertSinkLine
        {
            Type = JsonLineRenderer.TypeOf(record),
            Time = record.Time,
            Vm = record.Vm,
            Policy = notice?.Policy ?? suppressed?.Policy ?? status?.Policy ?? (record as DecisionOutput)?.Policy,
            Name = notice?.Name ?? suppressed?.Name ?? status?.Status,
            Severity = (notice?.Severity ?? suppressed?.Severity) is { } severity ? Words.CamelCase(severity.ToString()) : null,
            Fields = [.. (notice?.Fields ?? status?.Fields ?? []).Select(field => KeyValuePair.Create(field.Name, field.Value))],
            Json = _json.WrittenSpan[..^1].ToArray(),
        };
    }

    private sealed record Failure(string Text, bool IsOutside);

    private sealed class Job(AlertSinkLine[] lines, CancellationToken cancellation)
    {
        private int _delivered;

        public AlertSinkLine[] Lines => lines;

        public CancellationToken Cancellation => cancellation;

        /// <summary>True: nothing follows.</summary>
        public bool IsEnd { get; init; }

        /// <summary>How many of the lines were taken; once a call was cut off, no more than were by then.</summary>
        public int Delivered => Volatile.Read(ref _delivered);

        public TaskCompletionSource<Failure?> End { get; } = new(TaskCreationOptions.RunContinuationsAsynchronously);

        public void Count() => Interlocked.Increment(ref _delivered);
    }
}
