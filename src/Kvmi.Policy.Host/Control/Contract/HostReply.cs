using Kvmi.Policy.Engine.Generations;

namespace Kvmi.Policy.Host.Control.Contract;

/// <summary>GET /v1/status. Names are stable; json-lines.md describes them.</summary>
internal sealed record HostReply
{
    public required string Version { get; init; }

    public required int Pid { get; init; }

    public required DateTimeOffset Started { get; init; }

    public required double UptimeSeconds { get; init; }

    public required int Generation { get; init; }

    public required int Policies { get; init; }

    public required string Master { get; init; }

    /// <summary>True while harmless decisions are remembered too.</summary>
    public required bool AllDecisions { get; init; }

    public required long Events { get; init; }

    public required double EventsPerSecond { get; init; }

    public required long Alerts { get; init; }

    public required long Reloads { get; init; }

    public required long FailedReloads { get; init; }

    public required long Timeouts { get; init; }

    public required long LateResults { get; init; }

    public required int AbandonedThreads { get; init; }

    public required long WaitingOutput { get; init; }

    public required long LostOutput { get; init; }

    public required IReadOnlyList<string> Endpoints { get; init; }

    public required IReadOnlyList<VmReply> Vms { get; init; }

    /// <summary>Code of superseded generations that something holds in memory.</summary>
    public required IReadOnlyList<PinnedCode> PinnedCode { get; init; }

    /// <summary>Where alerts go besides stdout.</summary>
    public required IReadOnlyList<SinkReply> Sinks { get; init; }
}
