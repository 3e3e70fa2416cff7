namespace Kvmi.Policy.Host.Control.Contract;

/// <summary>POST /v1/reload.</summary>
internal sealed record ReloadReply(
    bool Success, int Generation, int Policies, double BuildMilliseconds, IReadOnlyList<string> ChangedFiles, IReadOnlyList<FindingReply> Findings)
{
    /// <summary>Number of the generation that began to run as shadow; absent when the new one went live.</summary>
    public int? ShadowGeneration { get; init; }

    /// <summary>The policies that are added, changed or removed.</summary>
    public required IReadOnlyList<PolicyChangeReply> Changes { get; init; }

    public required ReloadTimesReply Times { get; init; }

    public int CompiledScripts { get; init; }

    public int CachedScripts { get; init; }

    public int TestsPassed { get; init; }

    public int TestsFailed { get; init; }

    public int GenerationsAlive { get; init; }

    /// <summary>The generations before the live one whose code is still in memory.</summary>
    public required IReadOnlyList<EarlierGenerationReply> EarlierGenerations { get; init; }
}
