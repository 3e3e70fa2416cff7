using Kvmi.Policy.Engine.Output;
using Kvmi.Policy.Host.Sinks;

namespace Kvmi.Policy.Host.Output.Records;

/// <summary>What a sink did in a run; after the run's own summary, because that goes to the sinks too.</summary>
internal sealed record SinkSummaryOutput : OutputRecord
{
    /// <summary>Its counters at the end.</summary>
    public required SinkState State { get; init; }
}
