namespace Kvmi.Policy;

/// <summary>Named numbers that the summary and the status show for this policy. At most 64 per policy.</summary>
public interface IPolicyFacts
{
    /// <summary>A number that the policy counts up or sets. Get it once, at the top of the script.</summary>
    IPolicyFact Get(string name);
}
