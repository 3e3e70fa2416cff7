namespace Kvmi.Policy;

/// <summary>Counters and other numbers of a policy's or plugin's own, which the summary, <c>list</c> and <c>/metrics</c> show. At most 64 per policy.</summary>
public interface IPolicyFacts
{
    /// <summary>A number that the policy counts up or sets. Get it once, at the top of the script.</summary>
    /// <param name="name">1 to 64 characters, no control characters. It becomes a label of a metric: never make it from what a guest says.</param>
    /// <exception cref="InvalidOperationException">The name cannot be one, or the policy has 64 already.</exception>
    IPolicyFact Get(string name);

    /// <summary>A histogram: how often each key was seen. Get it once, at the top of the script. At most 8 per policy; not for untrusted policies.</summary>
    /// <param name="name">Name as the summary shows it, at most 64 characters.</param>
    /// <exception cref="InvalidOperationException">There are 8 already, or the name is too long.</exception>
    /// <exception cref="NotSupportedException">The policy runs in a worker process.</exception>
    IPolicyCounts Counts(string name);
}
