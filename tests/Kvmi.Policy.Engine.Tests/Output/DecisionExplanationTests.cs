using Kvmi.Policy.Engine.Output;

namespace Kvmi.Policy.Engine.Tests.Output;

public class DecisionExplanationTests
{
    private const string Order = "(the order: crash, inject, skip, keep, set, retry, allow)";

    public static TheoryData<DecisionKind, string, DecisionKind?, string> Cases => new()
    {
        { DecisionKind.Allow, "", null, "allow is in force: no policy voted" },
        { DecisionKind.Keep, "a:keep", null, "keep of a is in force: the only vote in enforce mode" },
        { DecisionKind.Keep, "a:allow b:keep", null, $"keep of b is in force: keep stands above allow {Order}" },
        { DecisionKind.Keep, "a:keep b:keep", null, "keep of a is in force: of 2 equal votes the one of the lowest priority number counts, then of the first id" },
        { DecisionKind.Crash, "a:keep b:crash c:crash d:allow", null,
            $"crash of b is in force: crash stands above keep and allow {Order}, and of 2 equal votes the one of the lowest priority number counts, then of the first id" },
        { DecisionKind.Allow, "a?keep b?crash", DecisionKind.Crash,
            "allow is in force: no policy in enforce mode voted, and audit votes do not count; in enforce mode crash of b would be" },
        { DecisionKind.Keep, "a:keep b?inject", DecisionKind.Inject, "keep of a is in force: the only vote in enforce mode; in enforce mode inject of b would be" },
        { DecisionKind.Allow, "a:skip", null, "allow is in force: what a asked for was not possible" },
    };

    [Theory]
    [MemberData(nameof(Cases))]
    public void The_sentence_names_the_votes_that_counted_and_the_rule(DecisionKind inForce, string votes, DecisionKind? wouldHave, string expected) =>
        Assert.Equal(expected, DecisionExplanation.Why(inForce, [.. votes.Split(' ', StringSplitOptions.RemoveEmptyEntries).Select(Vote)], wouldHave));

    private static DecisionVote Vote(string text) =>
        new(text[..1], Enum.Parse<DecisionKind>(text[2..], ignoreCase: true), null, text[1] == '?', false);
}
