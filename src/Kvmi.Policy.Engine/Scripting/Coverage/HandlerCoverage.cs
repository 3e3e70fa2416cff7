using Kvmi.Policy.Engine.Findings;
using Kvmi.Protocol;

namespace Kvmi.Policy.Engine.Scripting.Coverage;

/// <summary>One subscription of a policy, and how often it decided.</summary>
/// <param name="Handler">Name of the handler; null where <c>then</c> decides.</param>
/// <param name="Event">The event.</param>
/// <param name="Location">Where the subscription is declared.</param>
/// <param name="Hits">Votes that it gave.</param>
public sealed record HandlerCoverage(string? Handler, EventKind Event, SourceLocation Location, long Hits);
