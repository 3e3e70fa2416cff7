using Kvmi.Policy.Engine.Model;
using Kvmi.Policy.Engine.Summary;
using Kvmi.Protocol;
using Kvmi.Protocol.Events;
using static Kvmi.Policy.Engine.Tests.Runtime.EngineBench;

namespace Kvmi.Policy.Engine.Tests.Runtime;

public sealed class PolicyModeTests
{
    [Fact]
    public void A_switch_to_audit_covers_one_policy_and_takes_back_what_it_wrote()
    {
        using var bench = new EngineBench();
        bench.Load(
            Loaded(Define("a", OnCr3), services => [Cr(() => services.Memory.TryWritePhysical(0x4000, [3]) ? Decision.Keep(1) : Decision.Crash())]),
            Loaded(Define("b", OnCr3), services => [Cr(() => services.Memory.TryWritePhysical(0x5000, [4]) ? Decision.Allow : Decision.Crash())]));
        bench.Attach();
        Assert.NotEqual(bench.Untouched(EventBody.Cr(3, 1, 2)), bench.Send(EventBody.Cr(3, 1, 2)));
        Assert.Equal(1, PolicyOn(bench, "a").Patches);
        Assert.True(bench.Engine.TrySetPolicyMode("a", PolicyMode.Audit, out _));

        Assert.Equal(bench.Untouched(EventBody.Cr(3, 1, 2)), bench.Send(EventBody.Cr(3, 1, 2)));
        Assert.Equal(DecisionKind.Keep, bench.Handler.LastOutcome.WouldHave);
        Assert.Equal([0], bench.Vm.Peek(0x4000, 1));
        Assert.Equal([4], bench.Vm.Peek(0x5000, 1));
        Assert.Equal((PolicyMode.Audit, 0), (PolicyOn(bench, "a").Mode, PolicyOn(bench, "a").Patches));
        Assert.Equal((PolicyMode.Enforce, 1), (PolicyOn(bench, "b").Mode, PolicyOn(bench, "b").Patches));
        Assert.Single(bench.Statuses("policy-mode"));

        Assert.True(bench.Engine.TrySetPolicyMode("a", null, out _));
        Assert.NotEqual(bench.Untouched(EventBody.Cr(3, 1, 2)), bench.Send(EventBody.Cr(3, 1, 2)));
        Assert.Equal([3], bench.Vm.Peek(0x4000, 1));
    }

    [Fact]
    public void A_switch_to_enforce_is_stronger_than_the_file_weaker_than_the_master_and_stays_over_a_reload()
    {
        using var bench = new EngineBench();
        var audit = Define("a", OnCr3) with { Mode = PolicyMode.Audit };
        bench.Load(Loaded(audit, Cr(() => Decision.Keep(1))));
        bench.Attach();
        Assert.Equal(bench.Untouched(EventBody.Cr(3, 1, 2)), bench.Send(EventBody.Cr(3, 1, 2)));
        Assert.True(bench.Engine.TrySetPolicyMode("a", PolicyMode.Enforce, out _));
        Assert.NotEqual(bench.Untouched(EventBody.Cr(3, 1, 2)), bench.Send(EventBody.Cr(3, 1, 2)));
        bench.Load(Loaded(audit, Cr(() => Decision.Keep(1))));
        Assert.NotEqual(bench.Untouched(EventBody.Cr(3, 1, 2)), bench.Send(EventBody.Cr(3, 1, 2)));
        bench.Engine.SetMasterMode(MasterMode.Audit);
        Assert.Equal(bench.Untouched(EventBody.Cr(3, 1, 2)), bench.Send(EventBody.Cr(3, 1, 2)));
    }

    [Fact]
    public void What_cannot_be_switched_is_refused_with_a_reason()
    {
        using var bench = new EngineBench();
        bench.Load(Loaded(Define("a", OnCr3) with { Mode = PolicyMode.Audit, Status = "experimental" }, Cr(() => Decision.Keep(1))));
        bench.Attach();
        Assert.False(bench.Engine.TrySetPolicyMode("nobody", PolicyMode.Audit, out var problem));
        Assert.Contains("nobody", problem, StringComparison.Ordinal);
        Assert.False(bench.Engine.TrySetPolicyMode("a", PolicyMode.Enforce, out problem));
        Assert.Contains("experimental", problem, StringComparison.Ordinal);
        Assert.Equal(bench.Untouched(EventBody.Cr(3, 1, 2)), bench.Send(EventBody.Cr(3, 1, 2)));
    }

    [Fact]
    public void The_picture_of_a_VM_counts_events_and_leases_and_goes_with_it()
    {
        using var bench = new EngineBench();
        bench.Load(Loaded(Define("a", OnCr3), Cr(() => Decision.Allow)));
        Assert.Empty(bench.Engine.GetVms());
        bench.Attach();
        bench.Send(EventBody.Cr(3, 1, 2));
        bench.Send(EventBody.Cr(3, 2, 3));
        var vm = Assert.Single(bench.Engine.GetVms());
        Assert.Equal(2, vm.Events[EventKind.Cr]);
        Assert.Equal(2, vm.DecisionTime.Count);
        Assert.Equal(PolicyServiceState.InService, Assert.Single(vm.Policies).State);
        Assert.NotEqual(0, vm.Leases.Traps);
        bench.Handler.Detaching(Session.Vm.DetachReason.Stopping);
        Assert.Empty(bench.Engine.GetVms());
    }

    private static VmPolicyState PolicyOn(EngineBench bench, string id) =>
        Assert.Single(Assert.Single(bench.Engine.GetVms()).Policies, policy => policy.Id == id);
}
