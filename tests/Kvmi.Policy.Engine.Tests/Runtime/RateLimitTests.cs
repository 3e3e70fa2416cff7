using Kvmi.Policy.Engine.Model;
using Kvmi.Policy.Engine.Output;
using Kvmi.Protocol;
using Kvmi.Protocol.Events;
using static Kvmi.Policy.Engine.Tests.Runtime.EngineBench;

namespace Kvmi.Policy.Engine.Tests.Runtime;

public sealed class RateLimitTests
{
    private static readonly EventBody Write = EventBody.Cr(3, 0x1000, 0x2000);

    [Fact]
    public void Above_its_rate_a_policy_goes_on_deciding_and_its_alerts_and_records_are_dropped_until_the_window_ends()
    {
        using var bench = new EngineBench();
        bench.Load(Loaded(Limited(PolicyRateAction.DropAlert, OnCr3), services =>
        [
            Cr(() =>
            {
                services.Alert("a", null);
                services.Record("r", null);
                return Decision.Keep(0x1000);
            }),
        ]));
        bench.Attach();
        SendTimes(bench, 5, 0x1000);
        Assert.Equal((3, 3), (Named(bench, "a"), Named(bench, "r")));
        bench.Time.Advance(TimeSpan.FromMilliseconds(999));
        SendTimes(bench, 1, 0x1000);
        bench.Time.Advance(TimeSpan.FromMilliseconds(1));
        SendTimes(bench, 4, 0x1000);
        Assert.Equal((6, 6), (Named(bench, "a"), Named(bench, "r")));

        var summary = Assert.Single(bench.Engine.GetSummary().Policies);
        Assert.Equal((10, 4, 4, 4), (summary.Events, summary.OverRate, summary.SuppressedAlerts, summary.SuppressedRecords));

        // One alert about it in a minute, and the next one says how many there were.
        var alert = Assert.Single(RateAlerts(bench));
        Assert.Equal("limit=3 seconds=1 over=1 onExceed=drop-alert unguarded=False", Text(alert));
        bench.Time.Advance(TimeSpan.FromMinutes(1));
        SendTimes(bench, 4, 0x1000);
        Assert.Equal(2, RateAlerts(bench).Length);
        Assert.Equal("limit=3 seconds=1 over=4 onExceed=drop-alert unguarded=False", Text(RateAlerts(bench)[1]));
    }

    [Fact]
    public void Above_its_rate_a_policy_that_samples_sees_one_event_of_a_hundred_and_allows_the_rest()
    {
        var called = 0;
        using var bench = new EngineBench();
        bench.Load(
            Loaded(Limited(PolicyRateAction.Sample, OnCr3), Cr(() =>
            {
                called++;
                return Decision.Keep(0x1000);
            })),
            Loaded(Define("z", OnCr3), Cr(() => Decision.Allow)));
        bench.Attach();
        SendTimes(bench, 3, 0x1000);
        SendTimes(bench, 99, 0x2000);
        SendTimes(bench, 1, 0x1000);
        SendTimes(bench, 99, 0x2000);
        SendTimes(bench, 1, 0x1000);
        Assert.Equal(5, called);
        bench.Time.Advance(TimeSpan.FromSeconds(1));
        SendTimes(bench, 3, 0x1000);

        var summary = bench.Engine.GetSummary().Policies[0];
        Assert.Equal(("p", 8, 200), (summary.Id, summary.Events, summary.OverRate));
        Assert.Equal(206, bench.Engine.GetSummary().Policies[1].Events);
        Assert.Contains("unguarded=True", Text(RateAlerts(bench)[0]), StringComparison.Ordinal);
    }

    [Fact]
    public void An_audit_policy_that_samples_changes_nothing_and_leaves_nothing_unguarded()
    {
        using var bench = new EngineBench();
        bench.Load(Loaded(Limited(PolicyRateAction.Sample, OnCr3) with { Mode = PolicyMode.Audit }, Cr(() => Decision.Keep(0x1000))));
        bench.Attach();
        SendTimes(bench, 10, 0x2000);
        Assert.Equal(3, bench.Engine.GetSummary().Policies[0].WouldHave[DecisionKind.Keep]);
        Assert.Contains("unguarded=False", Text(Assert.Single(RateAlerts(bench))), StringComparison.Ordinal);
    }

    [Fact]
    public void A_sampled_page_fault_goes_on_and_the_page_stays_guarded()
    {
        using var bench = new EngineBench();
        bench.Load(Loaded(
            Limited(PolicyRateAction.Sample, On(EventKind.PageFault)) with { Watch = [Watch(0x5000, 0x5FFF, PageAccess.Read)] },
            Pf(() => Decision.Retry)));
        bench.Attach();
        for (var i = 0; i < 5; i++)
        {
            Assert.Equal(i < 3 ? EventAction.Retry : EventAction.Continue, bench.SendPageFault(0x5000, PageAccess.Write));
        }

        Assert.Equal(PageAccess.Read, bench.Handler.PageAccess(0x5000));
    }

    [Fact]
    public void Above_its_rate_a_policy_releases_its_pages_and_gets_none_until_the_next_reload()
    {
        IPolicyServices? services = null;
        using var bench = new EngineBench();
        var policy = Limited(PolicyRateAction.Release, On(EventKind.PageFault), OnCr3) with { Watch = [Watch(0x5000, 0x5FFF, PageAccess.Read)] };
        void Load() => bench.Load(Loaded(policy, s =>
        {
            services = s;
            return
            [
                Pf(() => Decision.Retry),
                Cr(() =>
                {
                    services!.Pages.Set(0x9000, PageAccess.Read);
                    return Decision.Keep(0x1000);
                }),
            ];
        }));
        Load();
        bench.Attach();
        for (var i = 0; i < 3; i++)
        {
            Assert.Equal(EventAction.Retry, bench.SendPageFault(0x5000, PageAccess.Write));
            Assert.Equal(PageAccess.Read, bench.Handler.PageAccess(0x5000));
        }

        // The event that exceeds it is still decided by the policy; its other subscriptions stay.
        Assert.Equal(EventAction.Retry, bench.SendPageFault(0x5000, PageAccess.Write));
        Assert.Equal(PageAccess.All, bench.Handler.PageAccess(0x5000));
        SendTimes(bench, 2, 0x1000);
        Assert.Equal(PageAccess.All, bench.Handler.PageAccess(0x9000));
        bench.Time.Advance(TimeSpan.FromSeconds(2));
        SendTimes(bench, 2, 0x1000);
        Assert.Equal(PageAccess.All, bench.Handler.PageAccess(0x9000));
        Assert.Equal(["p"], bench.Statuses("released").Select(status => status.Policy));
        Assert.Contains("unguarded=True", Text(Assert.Single(RateAlerts(bench))), StringComparison.Ordinal);

        Load();
        SendTimes(bench, 1, 0x1000);
        Assert.Equal((PageAccess.Read, PageAccess.Read), (bench.Handler.PageAccess(0x5000), bench.Handler.PageAccess(0x9000)));
    }

    [Fact]
    public void Above_its_rate_a_policy_is_disarmed_with_all_that_it_holds_and_comes_back_with_a_reload()
    {
        using var bench = new EngineBench();
        var policy = Limited(PolicyRateAction.Disarm, OnCr3, On(EventKind.PageFault)) with { Watch = [Watch(0x5000, 0x5FFF, PageAccess.Read)] };
        void Load() => bench.Load(Loaded(policy, Cr(() => Decision.Keep(0x1000)), Pf(() => Decision.Retry)));
        Load();
        bench.Attach();
        Assert.True(bench.Vm.IsOn("cr3 vcpu 0"));
        SendTimes(bench, 4, 0x1000);
        Assert.False(bench.Vm.IsOn("cr3 vcpu 0"));
        Assert.False(bench.Vm.IsOn("cr3 vcpu 1"));
        Assert.Equal(PageAccess.All, bench.Handler.PageAccess(0x5000));
        bench.Time.Advance(TimeSpan.FromHours(1));
        SendTimes(bench, 1, 0x2000);
        var status = Assert.Single(bench.Statuses("disarmed"));
        Assert.Contains("more than 3 times within 1 s", status.Message, StringComparison.Ordinal);
        Assert.Empty(bench.Statuses("quarantined"));

        Load();
        SendTimes(bench, 1, 0x1000);
        Assert.True(bench.Vm.IsOn("cr3 vcpu 0"));
        Assert.Equal(PageAccess.Read, bench.Handler.PageAccess(0x5000));
    }

    [Fact]
    public void Policies_without_code_and_several_subscriptions_count_each_call()
    {
        using var bench = new EngineBench();
        var then = On(EventKind.Cr, new EventFilter { Cr = 3 }, new PolicyThen(DecisionKind.Keep, [new PolicyNotice("seen", IsAlert: true)]));
        bench.Load(Loaded(Limited(PolicyRateAction.DropAlert, then, then), null, (Delegate?)null));
        bench.Attach();
        SendTimes(bench, 2, 0x1000);
        Assert.Equal(3, Named(bench, "seen"));
        Assert.Equal(1, bench.Engine.GetSummary().Policies[0].OverRate);
    }

    private static PolicyDefinition Limited(PolicyRateAction action, params PolicySubscription[] subscriptions) => Define("p", subscriptions) with
    {
        Budget = PolicyBudget.Default with { Rate = new PolicyRate(3, TimeSpan.FromSeconds(1), action) },
    };

    private static void SendTimes(EngineBench bench, int times, ulong expected)
    {
        for (var i = 0; i < times; i++)
        {
            Assert.Equal(expected, BitConverter.ToUInt64(bench.Send(Write), 24));
        }
    }

    private static int Named(EngineBench bench, string name)
    {
        bench.Engine.Flush();
        return bench.Sink.Records.OfType<NoticeOutput>().Count(notice => notice.Name == name);
    }

    private static NoticeOutput[] RateAlerts(EngineBench bench)
    {
        bench.Engine.Flush();
        return [.. bench.Sink.Records.OfType<NoticeOutput>().Where(notice => notice is { Name: "rate-exceeded", IsAlert: true })];
    }

    private static string Text(NoticeOutput notice) => string.Join(' ', notice.Fields.Select(field => $"{field.Name}={field.Value}"));
}
