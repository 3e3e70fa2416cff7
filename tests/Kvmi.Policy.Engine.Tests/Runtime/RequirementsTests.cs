using System.Collections.Frozen;
using Kvmi.Policy.Engine.Code;
using Kvmi.Policy.Engine.Model;
using Kvmi.Protocol;
using Kvmi.Session.Vm;
using static Kvmi.Policy.Engine.Tests.Runtime.EngineBench;

namespace Kvmi.Policy.Engine.Tests.Runtime;

/// <summary>A policy that the attached VM cannot serve is refused with the reason, event by event.</summary>
public sealed class RequirementsTests
{
    public static TheoryData<EventKind> Events => [.. PolicyEvents.All.Select(info => info.Kind)];

    [Theory]
    [MemberData(nameof(Events))]
    public void An_event_that_is_missing_refuses_the_policy_and_says_why(EventKind kind)
    {
        var name = PolicyEvents.Find(kind)!.Name;
        Assert.Equal(
            $"its subscription to {name} needs the event {name}, which the VM's administrator forbids (the introspection object of its device manager).",
            ReasonWithout(kind, offers => offers with { ForbiddenEvents = [kind] }));
        Assert.Equal(
            $"its subscription to {name} needs the event {name}, which this VM does not offer in the v12 dialect.",
            ReasonWithout(kind, offers => offers with { Dialect = KvmiDialect.V12 }));
        Assert.Equal(
            $"its subscription to {name} needs the event {name}, which this VM's kernel is too old for, though its dialect v7 has it.",
            ReasonWithout(kind, offers => offers with { AbsentEvents = [kind] }));
    }

    [Theory]
    [InlineData(KvmiDialect.RfcV5, 3, true)]
    [InlineData(KvmiDialect.RfcV5, null, true)]
    [InlineData(KvmiDialect.RfcV5, 4, false)]
    [InlineData(KvmiDialect.V7, 3, false)]
    public void A_policy_for_CR3_on_the_first_series_is_told_that_its_events_may_not_come(KvmiDialect dialect, int? cr, bool isDoubtful)
    {
        using var bench = new EngineBench();
        bench.Vm.Capabilities = bench.Vm.Capabilities with { Dialect = dialect };
        bench.Load(Loaded(Define("p", On(EventKind.Cr, new EventFilter { Cr = cr })), Cr(() => Decision.Allow)));
        bench.Attach();
        var doubts = bench.Statuses("may-miss-events");
        Assert.Equal(isDoubtful, doubts.Any(line => line.Policy == "p" && line.Message.Contains("EPT", StringComparison.Ordinal)));
        Assert.Empty(bench.Statuses("refused"));
    }

    private static string ReasonWithout(EventKind kind, Func<VmCapabilities, VmCapabilities> change)
    {
        using var bench = new EngineBench();
        bench.Vm.Capabilities = change(bench.Vm.Capabilities with { Events = bench.Vm.Capabilities.Events.Where(offered => offered != kind).ToFrozenSet() });
        bench.Load(Loaded(Define("p", On(kind, then: new PolicyThen(DecisionKind.Allow, []))), (Delegate?)null));
        bench.Attach();
        var line = Assert.Single(bench.Statuses("refused"));
        return line.Message["Policy p 1.0.0 is not in service on this VM: ".Length..];
    }
}
