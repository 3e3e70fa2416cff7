namespace Kvmi.Policy.Host.Control.Contract;

/// <summary>One attached VM in GET /v1/status.</summary>
internal sealed record VmReply
{
    public required string Name { get; init; }

    public required Guid Uuid { get; init; }

    public required string Dialect { get; init; }

    public required int Vcpus { get; init; }

    public required long Events { get; init; }

    public required double EventsPerSecond { get; init; }

    public required int Generation { get; init; }

    public required string Master { get; init; }

    public required int InService { get; init; }

    public required int Quarantined { get; init; }

    public required int Refused { get; init; }

    public required TimesReply DecisionTime { get; init; }

    public required LeasesReply Leases { get; init; }
}
