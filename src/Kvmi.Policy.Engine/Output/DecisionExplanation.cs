using System.Globalization;

namespace Kvmi.Policy.Engine.Output;

/// <summary>Says in one sentence why a decision is in force: which votes counted, and what put one above the others (authoring.md section 6).</summary>
public static class DecisionExplanation
{
    private static readonly string Order = string.Join(", ", Enum.GetValues<DecisionKind>().OrderDescending().Select(OutputText.Word));

    /// <summary>Explains a decision.</summary>
    /// <param name="inForce">What is in force.</param>
    /// <param name="votes">The votes, in policy order: by priority, then id.</param>
    /// <param name="wouldHave">The strongest audit vote that is stronger; null when there is none.</param>
    public static string Why(DecisionKind inForce, IReadOnlyList<DecisionVote> votes, DecisionKind? wouldHave)
    {
        ArgumentNullException.ThrowIfNull(votes);
        var counted = votes.Where(vote => !vote.IsAudit).ToArray();
        var would = wouldHave is { } kind && votes.FirstOrDefault(vote => vote.IsAudit && vote.Decision == kind) is { } audit
            ? $"; in enforce mode {OutputText.Word(kind)} of {audit.Policy} would be"
            : "";
        return Counted(inForce, counted, votes.Count) + would;
    }

    private static string Counted(DecisionKind inForce, DecisionVote[] counted, int votes)
    {
        var word = OutputText.Word(inForce);
        if (counted.Length == 0)
        {
            return votes == 0
                ? $"{word} is in force: no policy voted"
                : $"{word} is in force: no policy in enforce mode voted, and audit votes do not count";
        }

        var first = Array.Find(counted, vote => vote.Decision == inForce);
        if (first is null)
        {
            return $"{word} is in force: what {counted[0].Policy} asked for was not possible";
        }

        var others = counted.Where(vote => vote.Decision != inForce).Select(vote => OutputText.Word(vote.Decision)).Distinct().ToArray();
        var equal = counted.Count(vote => vote.Decision == inForce);
        if (counted.Length == 1)
        {
            return $"{word} of {first.Policy} is in force: the only vote in enforce mode";
        }

        var above = others.Length == 0 ? "" : $"{word} stands above {string.Join(" and ", others)} (the order: {Order})";
        var among = equal == 1 ? "" : string.Create(
            CultureInfo.InvariantCulture, $"of {equal} equal votes the one of the lowest priority number counts, then of the first id");
        return $"{word} of {first.Policy} is in force: {above}{(above.Length > 0 && among.Length > 0 ? ", and " : "")}{among}";
    }
}
