using Kvmi.Policy.Engine.Code;
using Kvmi.Policy.Engine.Model;

namespace Kvmi.Policy.Engine.Generations;

/// <summary>One policy of a generation.</summary>
/// <param name="Definition">What the file says.</param>
/// <param name="Factory">The loaded code.</param>
/// <param name="Statistics">Counters; carried over from the previous generation when the policy has the same id.</param>
public sealed record GenerationPolicy(PolicyDefinition Definition, IPolicyFactory Factory, Summary.PolicyStatistics Statistics)
{
    /// <summary>What its script was compiled to, as a hash; empty without one. Tells whether two generations have the same code.</summary>
    internal string CodeDigest { get; init; } = "";
}
