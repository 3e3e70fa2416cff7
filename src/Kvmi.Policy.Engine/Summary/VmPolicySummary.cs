using Kvmi.Policy.Engine.Model;
using Kvmi.Protocol;

namespace Kvmi.Policy.Engine.Summary;

/// <summary>The policies of one attached VM.</summary>
public sealed record VmPolicySummary
{
    /// <summary>The VM's name, or its UUID when the name is empty. Written by the guest's owner: escape it.</summary>
    public required string Vm { get; init; }

    /// <summary>The VM's UUID.</summary>
    public required Guid Uuid { get; init; }

    /// <summary>Number of the generation that decides about it; 0 before the first.</summary>
    public required int Generation { get; init; }

    /// <summary>The switch over all policies as this VM has taken it over.</summary>
    public required MasterMode MasterMode { get; init; }

    /// <summary>Its policies, those that were refused at the end. Policies that are for other VMs are missing.</summary>
    public required IReadOnlyList<VmPolicyState> Policies { get; init; }

    /// <summary>Events that reached the engine, by kind; kinds without one are missing.</summary>
    public required IReadOnlyDictionary<EventKind, long> Events { get; init; }

    /// <summary>What is held of it.</summary>
    public required LeaseCounts Leases { get; init; }

    /// <summary>Times from the start of an event in the engine to its decision, carried out. Goes on counting.</summary>
    public required LatencyHistogram DecisionTime { get; init; }
}
