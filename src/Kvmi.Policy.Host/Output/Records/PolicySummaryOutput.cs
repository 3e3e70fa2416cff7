using Kvmi.Policy.Engine.Output;
using Kvmi.Policy.Engine.Summary;

namespace Kvmi.Policy.Host.Output.Records;

/// <summary>What one policy did in a run, over all VMs.</summary>
internal sealed record PolicySummaryOutput : OutputRecord
{
    public required PolicySummary Summary { get; init; }
}
