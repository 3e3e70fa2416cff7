using Kvmi.Policy.Engine.Findings;
using Kvmi.Policy.Engine.Output;

namespace Kvmi.Policy.Host.Output.Records;

/// <summary>The result of one test of a policy.</summary>
internal sealed record TestOutput : OutputRecord
{
    public required string Policy { get; init; }

    public required string Test { get; init; }

    public required bool Passed { get; init; }

    /// <summary>Where the failed expectation, or else the test, is written.</summary>
    public required SourceLocation Location { get; init; }

    /// <summary>What was expected and what came; empty when passed.</summary>
    public IReadOnlyList<string> Failures { get; init; } = [];

    /// <summary>The failed step, from 1; 0 when none failed.</summary>
    public int Step { get; init; }

    /// <summary>What the failed step gave: its decision, alerts and records.</summary>
    public IReadOnlyList<string> Seen { get; init; } = [];

    /// <summary>How long the test took.</summary>
    public TimeSpan Elapsed { get; init; }
}
