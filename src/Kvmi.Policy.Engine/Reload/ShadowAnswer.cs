namespace Kvmi.Policy.Engine.Reload;

/// <summary>What became of a promote or discard.</summary>
/// <param name="Success">False when it was refused.</param>
/// <param name="Generation">Number of the live generation after it; 0 when there is none.</param>
/// <param name="Problem">Why it was refused, one sentence; null otherwise.</param>
public sealed record ShadowAnswer(bool Success, int Generation, string? Problem);
