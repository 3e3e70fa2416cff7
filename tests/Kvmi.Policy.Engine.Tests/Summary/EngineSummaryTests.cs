using Kvmi.Policy.Engine.Model;
using Kvmi.Policy.Engine.Tests.Runtime;
using Kvmi.Protocol.Events;
using static Kvmi.Policy.Engine.Tests.Runtime.EngineBench;

namespace Kvmi.Policy.Engine.Tests.Summary;

public sealed class EngineSummaryTests
{
    [Fact]
    public void The_summary_counts_votes_by_mode_and_keeps_policies_that_are_gone()
    {
        using var bench = new EngineBench();
        Assert.Equal((0, 0L), (bench.Engine.GetSummary().Generation, bench.Engine.GetSummary().Events));
        bench.Load(
            Loaded(Define("b-audit", OnCr3) with { Mode = PolicyMode.Audit }, Cr(() => Decision.Crash())),
            Loaded(Define("a-lock", OnCr3), Cr(() => Decision.Keep(1))));
        bench.Attach().Send(EventBody.Cr(3, 1, 2));
        bench.Load(Loaded(Define("a-lock", OnCr3) with { Version = "2.0.0" }, Cr(() => Decision.Allow)));
        bench.Send(EventBody.Cr(3, 1, 2));

        var summary = bench.Engine.GetSummary();
        Assert.Equal(2, summary.Generation);
        Assert.Equal(["a-lock", "b-audit"], summary.Policies.Select(policy => policy.Id));
        Assert.Equal(("2.0.0", true), (summary.Policies[0].Version, summary.Policies[0].IsLive));
        Assert.Equal((PolicyMode.Audit, false), (summary.Policies[1].Mode, summary.Policies[1].IsLive));
        Assert.Equal(1, summary.Policies[1].WouldHave[DecisionKind.Crash]);
        Assert.Empty(summary.Policies[1].Decisions);
    }
}
