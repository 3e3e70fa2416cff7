using Kvmi.Policy.Engine.Findings;
using Kvmi.Protocol;

namespace Kvmi.Policy.Engine.Model;

/// <summary>Pages that the engine restricts on behalf of the policy as long as it is loaded.</summary>
/// <param name="Ranges">Guest-physical ranges; whole pages.</param>
/// <param name="Access">What stays allowed.</param>
/// <param name="Location">Where it is declared.</param>
public sealed record PolicyWatch(IReadOnlyList<ValueRange> Ranges, PageAccess Access, SourceLocation Location);
