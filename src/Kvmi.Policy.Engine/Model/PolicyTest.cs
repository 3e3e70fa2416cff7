using Kvmi.Policy.Engine.Findings;

namespace Kvmi.Policy.Engine.Model;

/// <summary>A test written inside a policy file.</summary>
public sealed record PolicyTest
{
    /// <summary>Name, unique in the policy.</summary>
    public required string Name { get; init; }

    /// <summary>Mode for this test; null takes the policy's own.</summary>
    public PolicyMode? Mode { get; init; }

    /// <summary>Parameter values for this test as they stand in the file (YAML scalars or lists of them).</summary>
    public IReadOnlyDictionary<string, object> Parameters { get; init; } = new Dictionary<string, object>();

    /// <summary>Guest memory before the first step.</summary>
    public IReadOnlyList<PolicyTestMemory> Memory { get; init; } = [];

    /// <summary>Events in order.</summary>
    public IReadOnlyList<PolicyTestStep> Steps { get; init; } = [];

    /// <summary>Where it is declared.</summary>
    public required SourceLocation Location { get; init; }
}
