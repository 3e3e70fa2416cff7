namespace Kvmi.Policy.Engine.Output;

/// <summary>Something about the host itself: connected, reloaded, refused, quarantined.</summary>
public sealed record StatusOutput : OutputRecord
{
    /// <summary>Stable word: connected, disconnected, loaded, reloaded, in-service, reload-failed, refused, may-miss-events, state-dropped, quarantined, released, disarmed, timeout,
    /// policy-error, lease-error, patch-refused, patches-left, patches-restored, journal-discarded, master-mode, command-error, lost-output.</summary>
    public required string Status { get; init; }

    /// <summary>The policy, when one is concerned.</summary>
    public string? Policy { get; init; }

    /// <summary>One sentence.</summary>
    public required string Message { get; init; }

    /// <summary>Further data.</summary>
    public IReadOnlyList<OutputField> Fields { get; init; } = [];
}
