namespace Kvmi.Policy.Engine.Reload;

/// <summary>What became of the tests before a reload.</summary>
/// <param name="Passed">Tests that passed.</param>
/// <param name="Failures">Those that did not.</param>
public sealed record ReloadTestResult(int Passed, IReadOnlyList<ReloadTestFailure> Failures)
{
    /// <summary>No tests were run.</summary>
    public static ReloadTestResult None { get; } = new(0, []);

    /// <summary>Why the tests did not come to an end, one sentence; null when they did. The reload is refused then, too.</summary>
    public string? Unfinished { get; init; }
}
