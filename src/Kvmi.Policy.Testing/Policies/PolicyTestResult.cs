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
}
