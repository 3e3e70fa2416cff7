using System.Text;

namespace Kvmi.Policy.Host.Watching;

/// <summary>Output that waits until the terminal is free again. Bounded: the oldest goes when there is too much. Any thread.</summary>
internal sealed class HeldOutput : Stream
{
    private const int Most = 1024 * 1024;

    private readonly Lock _lock = new();
    private readonly Queue<byte[]> _parts = [];
    private int _length;
    private string _last = "";

    public override bool CanRead => false;

    public override bool CanSeek => false;

    public override bool CanWrite => true;

    public override long Length => throw new NotSupportedException();

    public override long Position
    {
        get => throw new NotSupportedException();
        set => throw new NotSupportedException();
    }

    /// <summary>The last line that was written.</summary>
    public string LastLine => Volatile.Read(ref _last);

    public override void Write(ReadOnlySpan<byte> buffer)
    {
        var part = buffer.ToArray();
        var text = Encoding.UTF8.GetString(part).TrimEnd('\n');
        lock (_lock)
        {
            _parts.Enqueue(part);
            _length += part.Length;
            while (_length > Most && _parts.Count > 1)
            {
                _length -= _parts.Dequeue().Length;
            }
        }

        Volatile.Write(ref _last, text[(text.LastIndexOf('\n') + 1)..]);
    }

    public override void Write(byte[] buffer, int offset, int count) => Write(buffer.AsSpan(offset, count));

    /// <summary>Writes what was held to where it belongs.</summary>
    public void Release(Stream destination)
    {
        lock (_lock)
        {
            while (_parts.TryDequeue(out var part))
            {
                destination.Write(part);
            }

            _length = 0;
        }
    }

    public override void Flush()
    {
        // It waits on purpose.
    }

    public override int Read(byte[] buffer, int offset, int count) => throw new NotSupportedException();

    public override long Seek(long offset, SeekOrigin origin) => throw new NotSupportedException();

    public override void SetLength(long value) => throw new NotSupportedException();
}
