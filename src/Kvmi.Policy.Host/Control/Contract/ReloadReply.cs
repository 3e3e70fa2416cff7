namespace Kvmi.Policy.Host.Control.Contract;

/// <summary>POST /v1/reload.</summary>
internal sealed record ReloadReply(
    bool Success, int Generation, int Policies, double BuildMilliseconds, IReadOnlyList<string> ChangedFiles, IReadOnlyList<FindingReply> Findings);
