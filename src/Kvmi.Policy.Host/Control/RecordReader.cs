using System.Threading.Channels;
using Kvmi.Policy.Engine.Output;

namespace Kvmi.Policy.Host.Control;

/// <summary>One reader of the output while it is written. One that is slower than the output loses lines, and hears how many.</summary>
internal sealed class RecordReader
{
    /// <summary>Lines that may wait for the reader.</summary>
    public const int Capacity = 1024;

    private readonly Channel<OutputRecord> _lines =
        Channel.CreateBounded<OutputRecord>(new BoundedChannelOptions(Capacity) { SingleReader = true, FullMode = BoundedChannelFullMode.Wait });

    private readonly RecordFilter _filter;
    private long _lost;

    public RecordReader(RecordFilter filter) => _filter = filter;

    /// <summary>The lines; ends with the feed.</summary>
    public ChannelReader<OutputRecord> Lines => _lines.Reader;

    /// <summary>Lines that were lost since the last call.</summary>
    public long TakeLost() => Interlocked.Exchange(ref _lost, 0);

    /// <summary>Offers a line. Never waits.</summary>
    /// <returns>False when it was lost.</returns>
    public bool Offer(OutputRecord record)
    {
        if (!_filter.Matches(record) || _lines.Writer.TryWrite(record))
        {
            return true;
        }

        Interlocked.Increment(ref _lost);
        return false;
    }

    /// <summary>No line follows.</summary>
    public void End() => _lines.Writer.TryComplete();
}
