using Kvmi.Protocol;

namespace Kvmi.Policy.Engine.Code;

/// <summary>What the engine knows about one subscribable event.</summary>
/// <param name="Name">Name in policy files and in JSON output.</param>
/// <param name="Kind">Kind on the wire.</param>
/// <param name="HandlerType">The type that a handler takes.</param>
/// <param name="Legal">Decisions that may answer it.</param>
public sealed record PolicyEventInfo(string Name, EventKind Kind, Type HandlerType, IReadOnlyList<DecisionKind> Legal)
{
    /// <summary>May this decision answer the event?</summary>
    public bool IsLegal(DecisionKind kind) => Legal.Contains(kind);
}
