using Kvmi.Policy.Engine.Output;
using Kvmi.Protocol;

namespace Kvmi.Policy.Engine.Decisions;

/// <content>Which of the votes is in force (authoring.md section 6).</content>
internal sealed partial class EventDecider
{
    /// <summary>Ranks the votes.</summary>
    /// <param name="votes">The votes, in policy order.</param>
    /// <param name="kind">The event.</param>
    /// <param name="wouldHave">Index of the strongest audit vote that is stronger than what is in force; −1 without one.</param>
    /// <returns>Index of the vote in force; −1 when none counts and the event is allowed.</returns>
    public static int Rank(ReadOnlySpan<Vote> votes, EventKind kind, out int wouldHave)
    {
        var best = -1;
        for (var i = 0; i < votes.Length; i++)
        {
            ref readonly var vote = ref votes[i];
            if (vote.Audit)
            {
                continue;
            }

            // Votes come in policy order, so on a tie the one that is already there has the lower priority number or is older.
            if (best < 0 || vote.Effective.Kind > votes[best].Effective.Kind)
            {
                best = i;
            }
            else if (vote.Effective.Kind == DecisionKind.Set
                && votes[best].Effective.Kind == DecisionKind.Set
                && vote.Effective.Value != votes[best].Effective.Value)
            {
                ReportConflict(in votes[best], in vote);
            }
        }

        if (best < 0 && kind == EventKind.PageFault)
        {
            best = RankAuditPageFault(votes);
        }

        var inForce = best < 0 ? DecisionKind.Allow : votes[best].Effective.Kind;
        var limit = LegalDecisions.HarmlessLimit(kind);
        wouldHave = -1;
        for (var i = 0; i < votes.Length; i++)
        {
            var asked = votes[i].Asked.Kind;
            if (votes[i].Audit && asked > inForce && asked > limit && (wouldHave < 0 || asked > votes[wouldHave].Asked.Kind))
            {
                wouldHave = i;
            }
        }

        return best;
    }

    /// <summary>The fault exists only because of the audit policies' watches: their harmless branches decide.</summary>
    private static int RankAuditPageFault(ReadOnlySpan<Vote> votes)
    {
        var best = -1;
        for (var i = 0; i < votes.Length; i++)
        {
            if (best < 0 || votes[i].Effective.Kind > votes[best].Effective.Kind)
            {
                best = i;
            }
        }

        return best;
    }

    private static void ReportConflict(in Vote winner, in Vote loser) =>
        loser.Entry.Policy.Notices.Write(
            "set-conflict",
            [
                new OutputField("value", loser.Effective.Value),
                new OutputField("winner", winner.Entry.Policy.Id),
                new OutputField("winnerValue", winner.Effective.Value),
            ],
            isAlert: false);
}
