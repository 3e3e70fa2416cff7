namespace Kvmi.Policy.Engine.Model;

/// <summary>Which VMs and vCPUs a policy is for; empty lists mean all.</summary>
public sealed record PolicyTarget
{
    /// <summary>VM names; <c>*</c> at the end matches any rest.</summary>
    public IReadOnlyList<string> Names { get; init; } = [];

    /// <summary>VM UUIDs.</summary>
    public IReadOnlyList<Guid> Uuids { get; init; } = [];

    /// <summary>vCPU numbers.</summary>
    public IReadOnlyList<ValueRange> Vcpus { get; init; } = [];
}
