namespace Kvmi.Policy.Engine.Code;

/// <summary>One instance of a policy on one VM, ready to decide.</summary>
/// <param name="Instance">The policy object; null for policies without code.</param>
/// <param name="Handlers">
/// For each subscription, in the order of the file, a <see cref="PolicyHandler{TEvent}"/> of the event's type; null where
/// the subscription's <c>then</c> decides.
/// </param>
public sealed record BoundPolicy(PolicyBase? Instance, IReadOnlyList<Delegate?> Handlers);
