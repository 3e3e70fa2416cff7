namespace Kvmi.Policy;

/// <summary>Counters and other numbers of a policy's or plugin's own, which the summary, <c>list</c> and <c>/metrics</c> show. At most 64 per policy.</summary>
public interface IPolicyFacts
{
    /// <summary>A number that the policy counts up or sets. Get it once, at the top of the script.</summary>
    /// <param name="name">1 to 64 characters, no control characters. It becomes a label of a metric: never make it from what a guest says.</param>
    /// <exception cref="InvalidOperationException">The name cannot be one, or the policy has 64 already.</exception>
    IPolicyFact Get(string name);
}
