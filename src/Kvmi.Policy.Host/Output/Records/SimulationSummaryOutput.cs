using Kvmi.Policy.Engine.Output;
using Kvmi.Simulator;

namespace Kvmi.Policy.Host.Output.Records;

/// <summary>What became of a simulated guest.</summary>
internal sealed record SimulationSummaryOutput : OutputRecord
{
    public required SimulationResult Result { get; init; }
}
