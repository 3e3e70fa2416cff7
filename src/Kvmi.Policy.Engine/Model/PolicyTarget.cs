namespace Kvmi.Policy.Engine.Model;

/// <summary>Which VMs and vCPUs a policy is for; empty lists mean all. A VM is meant by its name or its UUID.</summary>
public sealed record PolicyTarget
{
    /// <summary>VM names; <c>*</c> at the end matches any rest.</summary>
    public IReadOnlyList<string> Names { get; init; } = [];

    /// <summary>VM UUIDs.</summary>
    public IReadOnlyList<Guid> Uuids { get; init; } = [];

    /// <summary>Names of VMs, as patterns, one of which must match as well: the site's VMs with one of the target's tags. Null: tags do not matter.</summary>
    public IReadOnlyList<string>? TaggedNames { get; init; }

    /// <summary>vCPU numbers.</summary>
    public IReadOnlyList<ValueRange> Vcpus { get; init; } = [];
}
