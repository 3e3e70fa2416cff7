using System.Buffers;
using Kvmi.Policy.Engine.Output;

namespace Kvmi.Policy.Host.Output;

/// <summary>
/// Writes results to stdout, one record at a time, from any thread. A policy host must not stop protecting because of its output: when the reader went
/// away (EPIPE) it goes silent; when the disk is full it tries again with every line. What was lost is counted, told once in the log when it begins,
/// and as a line when writing works again.
/// </summary>
internal sealed class ResultWriter : IOutputSink
{
    private readonly Lock _lock = new();
    private readonly Stream _stream;
    private readonly ILineRenderer _renderer;
    private readonly TimeProvider _time;
    private readonly ArrayBufferWriter<byte> _buffer = new(4096);
    private readonly Action<IOException> _onFailure;
    private BackgroundOutput? _background;
    private bool _isClosed;
    private bool _isFailing;
    private bool _isMidLine;
    private long _lost;
    private long _told;

    /// <summary>Makes a writer.</summary>
    /// <param name="stream">stdout.</param>
    /// <param name="renderer">Form of the lines.</param>
    /// <param name="time">Clock of the records that this process makes.</param>
    /// <param name="onFailure">Called when writing begins to fail: once when the reader went away, and once for each time that the disk fills up.</param>
    public ResultWriter(Stream stream, ILineRenderer renderer, TimeProvider time, Action<IOException> onFailure)
    {
        _onFailure = onFailure;
        _stream = stream;
        _renderer = renderer;
        _time = time;
    }

    /// <summary>Now, for records that this process makes.</summary>
    public DateTimeOffset Now => _time.GetUtcNow();

    /// <summary>Sees each record, also when nobody reads stdout any more; null for nobody. Must neither wait nor throw.</summary>
    public Action<OutputRecord>? Written { get; set; }

    /// <summary>Records that did not reach stdout.</summary>
    public long Lost => Interlocked.Read(ref _lost);

    /// <summary>
    /// True when the results are this command's work and not all of them could be written. Not when the reader went away, who wants no more; not of
    /// a run, whose work is done in the guests.
    /// </summary>
    public bool IsIncomplete => Lost > 0 && !Volatile.Read(ref _isClosed) && _background is null;

    /// <summary>
    /// From now on a thread of its own writes, and <see cref="Write"/> never waits for whoever reads stdout. Disposing what is returned writes out what
    /// waits, as long as somebody reads it.
    /// </summary>
    public BackgroundOutput WriteInBackground()
    {
        var background = new BackgroundOutput(WriteNow, CountLost, _time);
        Volatile.Write(ref _background, background);
        return background;
    }

    /// <summary>Writes one record, or queues it.</summary>
    public void Write(OutputRecord record)
    {
        if (Volatile.Read(ref _background) is { } background)
        {
            background.Add(record);
        }
        else
        {
            WriteNow(record);
        }

        Written?.Invoke(record);
    }

    private void CountLost(long count) => Interlocked.Add(ref _lost, count);

    private void WriteNow(OutputRecord record)
    {
        lock (_lock)
        {
            if (_isClosed)
            {
                CountLost(1);
                return;
            }

            var lost = Lost - _told;
            _buffer.ResetWrittenCount();
            if (_isMidLine)
            {
                _buffer.Write("\n"u8);
            }

            if (lost > 0)
            {
                _renderer.Render(LostOutput(lost), _buffer);
            }

            _renderer.Render(record, _buffer);
            if (TrySend())
            {
                _told += lost;
            }
        }
    }

    private bool TrySend()
    {
        try
        {
            _stream.Write(_buffer.WrittenSpan);
            _stream.Flush();
            _isMidLine = false;
            _isFailing = false;
            return true;
        }
        catch (IOException exception)
        {
            CountLost(1);

            // A line that was cut off must not take the next one with it.
            _isMidLine |= (_stream as StandardOutput)?.Taken > 0;
            Volatile.Write(ref _isClosed, exception.HResult == StandardOutput.BrokenPipe);
            if (!_isFailing)
            {
                _isFailing = true;
                _onFailure(exception);
            }

            return false;
        }
    }

    private StatusOutput LostOutput(long lost) => new()
    {
        Time = Now,
        Status = "lost-output",
        Message = $"{lost} lines could not be written to stdout; {Lost} since the start.",
        Fields = [new OutputField("lost", lost), new OutputField("total", Lost)],
    };
}
