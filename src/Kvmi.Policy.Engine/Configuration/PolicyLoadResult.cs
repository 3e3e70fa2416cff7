using Kvmi.Policy.Engine.Findings;
using Kvmi.Policy.Engine.Model;

namespace Kvmi.Policy.Engine.Configuration;

/// <summary>What became of one policy file.</summary>
/// <param name="Definition">The policy; null when a finding is an error.</param>
/// <param name="Findings">Everything that is wrong, in the order of the file.</param>
public sealed record PolicyLoadResult(PolicyDefinition? Definition, IReadOnlyList<Finding> Findings);
