using System.Buffers;
using Kvmi.Policy.Engine.Output;

namespace Kvmi.Policy.Host.Output;

/// <summary>
/// Writes results to stdout, one record at a time, from any thread. When the reader went away (EPIPE) it goes silent: a policy
/// host must not stop protecting because a terminal closed.
/// </summary>
internal sealed class ResultWriter : IOutputSink
{
    private readonly Lock _lock = new();
    private readonly Stream _stream;
    private readonly ILineRenderer _renderer;
    private readonly TimeProvider _time;
    private readonly ArrayBufferWriter<byte> _buffer = new(4096);
    private readonly Action _onClosed;
    private bool _closed;

    /// <summary>Makes a writer.</summary>
    /// <param name="stream">stdout.</param>
    /// <param name="renderer">Form of the lines.</param>
    /// <param name="time">Clock of the records that this process makes.</param>
    /// <param name="onClosed">Called once when the reader went away.</param>
    public ResultWriter(Stream stream, ILineRenderer renderer, TimeProvider time, Action onClosed)
    {
        _onClosed = onClosed;
        _stream = stream;
        _renderer = renderer;
        _time = time;
    }

    /// <summary>Now, for records that this process makes.</summary>
    public DateTimeOffset Now => _time.GetUtcNow();

    /// <summary>Sees each record after it was written, also when nobody reads stdout any more; null for nobody. Must neither wait nor throw.</summary>
    public Action<OutputRecord>? Written { get; set; }

    /// <summary>Writes one record.</summary>
    public void Write(OutputRecord record)
    {
        Send(record);
        Written?.Invoke(record);
    }

    private void Send(OutputRecord record)
    {
        lock (_lock)
        {
            if (_closed)
            {
                return;
            }

            _buffer.ResetWrittenCount();
            _renderer.Render(record, _buffer);
            try
            {
                _stream.Write(_buffer.WrittenSpan);
                _stream.Flush();
            }
            catch (IOException)
            {
                _closed = true;
                _onClosed();
            }
        }
    }
}
