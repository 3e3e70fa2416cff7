using Kvmi.Protocol;

namespace Kvmi.Policy.Engine.Model;

/// <summary>Expectations of one step; null means "not checked".</summary>
public sealed record PolicyTestExpectation
{
    /// <summary>The decision in force.</summary>
    public DecisionKind? Decision { get; init; }

    /// <summary>The value of a keep or set.</summary>
    public ulong? Value { get; init; }

    /// <summary>Vector of an inject.</summary>
    public byte? Exception { get; init; }

    /// <summary>What audit mode would have decided.</summary>
    public DecisionKind? WouldHave { get; init; }

    /// <summary>Names of exactly the alerts of this step, in order.</summary>
    public IReadOnlyList<string>? Alerts { get; init; }

    /// <summary>Names of exactly the records of this step, in order.</summary>
    public IReadOnlyList<string>? Records { get; init; }

    /// <summary>Page access in force after the step.</summary>
    public IReadOnlyDictionary<ulong, PageAccess>? Pages { get; init; }

    /// <summary>General registers after the step, by name.</summary>
    public IReadOnlyDictionary<string, ulong>? Registers { get; init; }
}
