namespace Kvmi.Policy.Engine.Model;

/// <summary>What happens when a handler throws or answers with an illegal decision.</summary>
/// <param name="Decision">allow, keep, retry or crash. An audit policy's error is always allow (retry for a page fault).</param>
/// <param name="QuarantineAfter">Errors within <paramref name="Window"/> after which the policy is taken out of service; 0 never.</param>
/// <param name="Window">Length of the window.</param>
public sealed record PolicyErrorHandling(DecisionKind Decision, int QuarantineAfter, TimeSpan Window);
