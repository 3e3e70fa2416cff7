namespace Kvmi.Policy.Host.Control.Contract;

/// <summary>GET /v1/shadow.</summary>
internal sealed record ShadowReply
{
    /// <summary>Number of the generation that runs as shadow; 0 for none, and then all else is empty.</summary>
    public required int Generation { get; init; }

    /// <summary>Number of the live generation.</summary>
    public required int Live { get; init; }

    public long Compared { get; init; }

    public long Differing { get; init; }

    public long Incomplete { get; init; }

    public long Skipped { get; init; }

    public IReadOnlyList<ShadowPolicyReply> Policies { get; init; } = [];

    public IReadOnlyList<ShadowDifferenceReply> Differences { get; init; } = [];

    public IReadOnlyList<string> Problems { get; init; } = [];

    public IReadOnlyList<string> Hanging { get; init; } = [];
}
