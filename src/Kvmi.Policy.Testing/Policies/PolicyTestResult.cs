using Kvmi.Policy.Engine.Findings;

namespace Kvmi.Policy.Testing.Policies;

/// <summary>The result of one test of a policy.</summary>
/// <param name="Policy">Id of the policy.</param>
/// <param name="Test">Name of the test.</param>
/// <param name="Location">Where the first failed step is declared; the test itself when it passed.</param>
/// <param name="Failures">What was expected and what came, one sentence each; empty when passed.</param>
public sealed record PolicyTestResult(string Policy, string Test, SourceLocation Location, IReadOnlyList<string> Failures)
{
    /// <summary>True when every expectation held.</summary>
    public bool Passed => Failures.Count == 0;

    /// <summary>The failed step, from 1; 0 when none failed, or when something else did.</summary>
    public int Step { get; init; }

    /// <summary>
    /// What the failed step gave, one line each: the decision with its votes, the alerts and records with their fields. Their text is the policy's:
    /// escape it. Empty when passed.
    /// </summary>
    public IReadOnlyList<string> Seen { get; init; } = [];

    /// <summary>How long it took, without loading the policy.</summary>
    public TimeSpan Elapsed { get; init; }
}
