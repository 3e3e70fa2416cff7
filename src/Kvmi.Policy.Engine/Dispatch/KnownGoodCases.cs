using Kvmi.Policy.Engine.Model;

namespace Kvmi.Policy.Engine.Dispatch;

/// <summary>The declared exceptions of a policy that hold for one VM.</summary>
internal sealed class KnownGoodCases
{
    private readonly CompiledFilter[] _filters;
    private readonly DateTimeOffset[] _ends;
    private readonly TimeProvider _time;

    public KnownGoodCases(PolicyDefinition definition, string vmName, TimeProvider time)
    {
        _time = time;
        PolicyException[] cases =
            [.. definition.Exceptions.Where(e => (e.VmNames.Count == 0 || NamePattern.MatchesAny(e.VmNames, vmName))
                && (e.TaggedNames is null || NamePattern.MatchesAny(e.TaggedNames, vmName)))];
        _filters = [.. cases.Select(e => new CompiledFilter(e.Filter, []))];
        _ends = [.. cases.Select(e => EndOf(e.Expires))];
    }

    /// <summary>Is the event one of the cases that have not expired?</summary>
    public bool Covers(in EventFacts facts)
    {
        for (var i = 0; i < _filters.Length; i++)
        {
            if (_filters[i].Matches(in facts) && _time.GetUtcNow() < _ends[i])
            {
                return true;
            }
        }

        return false;
    }

    private static DateTimeOffset EndOf(DateOnly lastDay) =>
        lastDay == DateOnly.MaxValue
            ? DateTimeOffset.MaxValue
            : new DateTimeOffset(lastDay.AddDays(1).ToDateTime(TimeOnly.MinValue), TimeSpan.Zero);
}
