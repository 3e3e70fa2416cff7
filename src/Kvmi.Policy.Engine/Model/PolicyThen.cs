namespace Kvmi.Policy.Engine.Model;

/// <summary>A decision without code: <c>then: { decision: keep, alert: name }</c>.</summary>
/// <param name="Decision">allow, keep, retry or crash; set and inject need a handler.</param>
/// <param name="Alert">Alert to raise, or null. Its fields are the event's own.</param>
public sealed record PolicyThen(DecisionKind Decision, string? Alert);
