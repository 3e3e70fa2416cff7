using Kvmi.Policy.Engine.Decisions;
using Kvmi.Policy.Engine.Dispatch;
using Kvmi.Policy.Engine.Generations;
using Kvmi.Policy.Engine.Leases;

namespace Kvmi.Policy.Engine.Runtime;

/// <summary>
/// The policy instances of one generation on one VM, with the dispatch table over them and the scratch space of the
/// current event. The scratch space lives here because it refers to the generation's code.
/// </summary>
internal sealed class PolicySet
{
    private readonly PolicyInstance[] _policies;
    private LeaseOwner[] _brokenOwners;

    public PolicySet(Generation? generation, PolicyInstance[] policies)
    {
        Generation = generation;
        _policies = policies;
        Table = new DispatchTable(policies);
        Votes = new Vote[Math.Max(8, policies.Sum(policy => policy.Entries.Length))];
        _brokenOwners = new LeaseOwner[Math.Max(8, policies.Length)];
    }

    /// <summary>The generation that the set holds; null before the first.</summary>
    public Generation? Generation { get; }

    /// <summary>Policies of the generation that were refused on this VM, with the reason. Never written to once the set is in use.</summary>
    public IReadOnlyDictionary<string, string> Refusals { get; init; } = new Dictionary<string, string>();

    /// <summary>
    /// Policies whose new version could not be started on this VM, with what stays in service for them and why. Never written to once the set is in use.
    /// </summary>
    public IReadOnlyDictionary<string, string> Kept { get; init; } = new Dictionary<string, string>();

    /// <summary>Earlier generations that the set holds because a policy of theirs stays in service.</summary>
    public IReadOnlyList<Generation> EarlierGenerations { get; init; } = [];

    /// <summary>In policy order, also those out of service.</summary>
    public ReadOnlySpan<PolicyInstance> Policies => _policies;

    public DispatchTable Table { get; private set; }

    /// <summary>Room for every entry of the set to vote once.</summary>
    public Vote[] Votes { get; }

    /// <summary>The owners of the current page fault; grown when a page has more.</summary>
    public ref LeaseOwner[] BrokenOwners => ref _brokenOwners;

    /// <summary>A policy reached its error limit in the current event.</summary>
    public bool QuarantineDue { get; set; }

    public PolicyInstance? Find(string id) => Array.Find(_policies, policy => policy.Id == id);

    public bool Contains(PolicyInstance instance) => Array.IndexOf(_policies, instance) >= 0;

    /// <summary>Lets go of all generations; the set is not used any more.</summary>
    public void Release()
    {
        Generation?.Release();
        ReleaseEarlier();
    }

    /// <summary>Lets go of the generations but its own.</summary>
    public void ReleaseEarlier()
    {
        foreach (var generation in EarlierGenerations)
        {
            generation.Release();
        }
    }

    /// <summary>Takes policies that are out of service from the table.</summary>
    public void RebuildTable() => Table = new DispatchTable(_policies);
}
