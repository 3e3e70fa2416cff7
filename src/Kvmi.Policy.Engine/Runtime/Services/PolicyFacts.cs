using Kvmi.Policy.Engine.Summary;

namespace Kvmi.Policy.Engine.Runtime.Services;

/// <summary>The facts of one policy on one VM. They live with the statistics, so the closing summary still has them.</summary>
internal sealed class PolicyFacts : IPolicyFacts
{
    private const int MaxFacts = 64;
    private const int MaxCounts = 8;
    private const int MaxName = 64;
    private readonly Dictionary<string, IPolicyFact> _facts = [];
    private readonly Dictionary<string, KeyCounts> _counts = [];
    private readonly PolicyStatistics _statistics;
    private readonly string _vm;
    private readonly bool _keep;
    private readonly ulong _seed;
    private readonly IPolicyClock _clock;

    public PolicyFacts(PolicyStatistics statistics, string vm, bool keep, ulong seed, IPolicyClock clock)
    {
        _seed = seed;
        _clock = clock;
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

    public IPolicyCounts Counts(string name)
    {
        ArgumentException.ThrowIfNullOrEmpty(name);
        if (_counts.TryGetValue(name, out var counts))
        {
            return counts;
        }

        if (_counts.Count >= MaxCounts || name.Length > MaxName)
        {
            throw new InvalidOperationException(
                $"Policy {_statistics.PolicyId} may have {MaxCounts} histograms with names of at most {MaxName} characters; "
                + $"'{name[..Math.Min(name.Length, MaxName)]}' is refused.");
        }

        counts = _keep ? _statistics.Counts.GetOrAdd((_vm, name), key => NewCounts(key.Name)) : NewCounts(name);
        _statistics.Counts[(_vm, name)] = counts;
        _counts.Add(name, counts);
        return counts;
    }

    private KeyCounts NewCounts(string name) => new(name, _seed, _clock);
}
