using Kvmi.Policy.Engine.Model;
using Kvmi.Protocol;
using Kvmi.Session.Endpoints;

namespace Kvmi.Policy.Host.Running;

/// <summary>What a run was asked for.</summary>
internal sealed record RunOptions
{
    public required IReadOnlyList<KvmiEndpoint> Endpoints { get; init; }

    public required IReadOnlyList<string> Policies { get; init; }

    public required IReadOnlyList<string> Plugins { get; init; }

    public PolicyMode? Mode { get; init; }

    /// <summary>Scenario of the built-in simulated guest; null for none.</summary>
    public string? Scenario { get; init; }

    /// <summary>The dialect of every peer; null to detect it.</summary>
    public KvmiDialect? Dialect { get; init; }

    public long? Events { get; init; }

    public TimeSpan? Duration { get; init; }

    public ReadOnlyMemory<byte>? Cookie { get; init; }

    public bool AllowRemote { get; init; }
}
