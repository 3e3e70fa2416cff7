using Kvmi.Policy.Engine.Findings;
using Kvmi.Policy.Engine.Model;

namespace Kvmi.Policy.Engine.Reload;

/// <summary>What one reading of the policy files gave.</summary>
/// <param name="Definitions">The validated policies.</param>
/// <param name="Findings">What is wrong; one error keeps the live generation.</param>
public sealed record PolicySourceSnapshot(IReadOnlyList<PolicyDefinition> Definitions, IReadOnlyList<Finding> Findings);
