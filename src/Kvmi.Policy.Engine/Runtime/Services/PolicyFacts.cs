using Kvmi.Policy.Engine.Summary;

namespace Kvmi.Policy.Engine.Runtime.Services;

/// <summary>The facts of one policy on one VM. They live with the statistics, so the closing summary still has them.</summary>
internal sealed class PolicyFacts : IPolicyFacts
{
    private const int MaxFacts = 64;
    private const int MaxName = 64;
    private readonly Dictionary<string, IPolicyFact> _facts = [];
    private readonly PolicyStatistics _statistics;
    private readonly string _vm;
    private readonly bool _keep;

    public PolicyFacts(PolicyStatistics statistics, string vm, bool keep)
    {
        _statistics = statistics;
        _vm = vm;
        _keep = keep;
    }

    public IPolicyFact Get(string name)
    {
        ArgumentException.ThrowIfNullOrEmpty(name);
        if (_facts.TryGetValue(name, out var fact))
        {
            return fact;
        }

        if (_facts.Count >= MaxFacts || name.Length > MaxName || name.Any(char.IsControl))
        {
            throw new InvalidOperationException(
                $"Policy {_statistics.PolicyId} may have {MaxFacts} facts with names of at most {MaxName} characters, none of them a control character; "
                + $"'{string.Concat(name.Take(MaxName).Select(character => char.IsControl(character) ? '?' : character))}' is refused.");
        }

        fact = _keep ? _statistics.Facts.GetOrAdd((_vm, name), key => new PolicyFact(key.Name)) : new PolicyFact(name);
        _statistics.Facts[(_vm, name)] = fact;
        _facts.Add(name, fact);
        return fact;
    }
}
