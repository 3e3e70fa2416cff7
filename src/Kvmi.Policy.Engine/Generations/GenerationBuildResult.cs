using Kvmi.Policy.Engine.Findings;

namespace Kvmi.Policy.Engine.Generations;

/// <summary>Result of building a generation.</summary>
/// <param name="Generation">The generation, held by the receiver; null when there is an error among the findings.</param>
/// <param name="Findings">Errors and warnings.</param>
/// <param name="Timings">Where the time went.</param>
public sealed record GenerationBuildResult(Generation? Generation, IReadOnlyList<Finding> Findings, GenerationTimings Timings);
