using Kvmi.Policy.Engine.Findings;

namespace Kvmi.Policy.Engine.Reload;

/// <summary>A test that failed before a reload.</summary>
/// <param name="Policy">Id of the policy.</param>
/// <param name="Test">Name of the test.</param>
/// <param name="Location">Where the step that failed, or the test, is declared.</param>
/// <param name="Message">What was expected and what came.</param>
public sealed record ReloadTestFailure(string Policy, string Test, SourceLocation Location, string Message);
