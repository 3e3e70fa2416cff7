namespace Kvmi.Policy.Host.Control.Contract;

/// <summary>One policy in GET /v1/policies.</summary>
internal sealed record PolicyReply
{
    public required string Id { get; init; }

    public required string Version { get; init; }

    public required string Title { get; init; }

    public required string Status { get; init; }

    public required string File { get; init; }

    public required PolicyModesReply Mode { get; init; }

    public required long Events { get; init; }

    public required IReadOnlyDictionary<string, long> Decisions { get; init; }

    public required IReadOnlyDictionary<string, long> WouldHave { get; init; }

    public required long Alerts { get; init; }

    public required long SuppressedAlerts { get; init; }

    public required long Records { get; init; }

    public required long Errors { get; init; }

    public required long Timeouts { get; init; }

    public required TimesReply DecisionTime { get; init; }

    /// <summary>On all VMs together.</summary>
    public required LeasesReply Leases { get; init; }

    public required IReadOnlyList<PolicyVmReply> Vms { get; init; }

    public required IReadOnlyList<ParameterReply> Parameters { get; init; }

    /// <summary>The policy's own numbers.</summary>
    public required IReadOnlyList<FactReply> Facts { get; init; }
}
