using Kvmi.Policy.Engine.Output;
using Kvmi.Simulator;

namespace Kvmi.Policy.Host.Output.Records;

/// <summary>One line of a list of what there is.</summary>
internal sealed record CatalogueOutput : OutputRecord
{
    /// <summary>What the entry is: scenario, program or fault.</summary>
    public required string Section { get; init; }

    public required CatalogueEntry Entry { get; init; }
}
