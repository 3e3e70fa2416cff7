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

    /// <summary>
    /// Path of a trace (of run --record, or a .hex capture) whose events take the place of <see cref="Steps"/>; null when the test has steps. The path is the
    /// policy's folder and what the file says.
    /// </summary>
    public string? Trace { get; init; }

    /// <summary>What the whole trace must give; null when the test has steps, or only checks that nothing fails.</summary>
    public PolicyTraceExpectation? TraceExpect { get; init; }

    /// <summary>
    /// Why this test cannot run (a file that it names is missing), one
    /// sentence; null when it can. A runner reports such a test as failed with this reason.
    /// </summary>
    public string? Problem { get; init; }

    /// <summary>Events in order.</summary>
    public IReadOnlyList<PolicyTestStep> Steps { get; init; } = [];

    /// <summary>Where it is declared.</summary>
    public required SourceLocation Location { get; init; }
}
