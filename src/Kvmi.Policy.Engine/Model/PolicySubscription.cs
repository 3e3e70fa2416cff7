using Kvmi.Policy.Engine.Findings;
using Kvmi.Protocol;

namespace Kvmi.Policy.Engine.Model;

/// <summary>One subscription of a policy: an event, a filter, and what decides.</summary>
public sealed record PolicySubscription
{
    /// <summary>The event.</summary>
    public required EventKind Event { get; init; }

    /// <summary>The filter.</summary>
    public required EventFilter Filter { get; init; }

    /// <summary>Name of the handler method; null when <see cref="Then"/> decides.</summary>
    public string? Handler { get; init; }

    /// <summary>The decision without code; null when a handler decides.</summary>
    public PolicyThen? Then { get; init; }

    /// <summary>Where the subscription is declared.</summary>
    public required SourceLocation Location { get; init; }
}
