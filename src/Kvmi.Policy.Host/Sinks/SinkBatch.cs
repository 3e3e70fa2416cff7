using Kvmi.Policy.Engine.Output;

namespace Kvmi.Policy.Host.Sinks;

/// <summary>Records on their way into a sink.</summary>
internal sealed class SinkBatch
{
    /// <summary>Makes a batch of which nothing is delivered.</summary>
    /// <param name="number">From 1; one more with each batch of a sink.</param>
    /// <param name="records">At least one.</param>
    public SinkBatch(long number, IReadOnlyList<OutputRecord> records)
    {
        Number = number;
        Records = records;
    }

    public long Number { get; }

    public IReadOnlyList<OutputRecord> Records { get; }

    /// <summary>How many of them have been delivered, from the first. The sink counts up.</summary>
    public int Delivered { get; set; }

    /// <summary>What is left to do.</summary>
    public IEnumerable<OutputRecord> Rest => Records.Skip(Delivered);
}
