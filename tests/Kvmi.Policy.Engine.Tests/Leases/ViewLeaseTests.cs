using System.Collections.Frozen;
using Kvmi.Policy.Engine.Generations;
using Kvmi.Policy.Engine.Model;
using Kvmi.Policy.Engine.Tests.Runtime;
using Kvmi.Protocol;
using Kvmi.Protocol.Events;
using Kvmi.Session.Vm;
using static Kvmi.Policy.Engine.Tests.Runtime.EngineBench;

namespace Kvmi.Policy.Engine.Tests.Leases;

public sealed class ViewLeaseTests
{
    private const ulong Page = 0x5000;
    private static readonly EventBody Write = EventBody.Cr(3, 0x1000, 0x2000);

    [Fact]
    public void A_vcpu_goes_back_to_the_view_in_which_it_was_found()
    {
        using var bench = new EngineBench();
        bench.Vm.PutInView(1, 3);
        var seen = new List<ushort?>();
        bench.Load(Loaded(Define("a", OnCr3), services => [Cr(() =>
        {
            seen.Add(services.Views.Get(1));
            Assert.True(services.Views.Switch(1, 1));
            seen.Add(services.Views.Get(1));
            Assert.True(services.Views.Switch(1, 1) && services.Views.Switch(1, 2));
            seen.Add(services.Views.Get(1));
            Assert.Equal(2, bench.Vm.ViewOf(1));
            Assert.True(services.Views.Back(1) && services.Views.Back(1));
            seen.Add(services.Views.Get(1));
            return Decision.Allow;
        })]));
        Assert.Equal(bench.Untouched(Write), bench.Attach().Send(Write));
        Assert.Equal([null, 1, 2, null], seen);
        Assert.Equal(3, bench.Vm.ViewOf(1));
        Assert.Equal(["view 1 vcpu 1", "view 2 vcpu 1", "view 3 vcpu 1"], Switches(bench));
        Assert.Empty(bench.Statuses("policy-error"));
    }

    [Fact]
    public void Everything_that_ends_a_policy_or_its_power_gives_vcpus_and_views_back()
    {
        foreach (var (index, end) in ((Action<EngineBench>[])[
            bench => { bench.Load(Guard("other")); bench.Handler.Idle(); },
            bench => { bench.Load(Guard("other"), Keeping(Viewer("a", create: true), keep: false)); bench.Handler.Idle(); },
            bench => { bench.Engine.SetMasterMode(MasterMode.Audit); bench.Handler.Idle(); },
            bench => { bench.Engine.SetMasterMode(MasterMode.Off); bench.Handler.Idle(); },
            bench => { Assert.True(bench.Engine.TrySetPolicyMode("a", PolicyMode.Audit, out _)); bench.Handler.Idle(); },
            bench => bench.Handler.Detaching(DetachReason.Unhook),
            bench => bench.Handler.Detaching(DetachReason.Stopping),
            bench => { bench.Load(Guard("other"), Viewer("a", create: true, mode: PolicyMode.Audit)); bench.Handler.Idle(); },
            bench => { bench.Load(Guard("other"), Keeping(Viewer("a", create: true, mode: PolicyMode.Audit))); bench.Handler.Idle(); },
        ]).Index())
        {
            foreach (var create in (bool[])[true, false])
            {
                using var bench = new EngineBench();
                bench.Load(Guard("other"), Keeping(Viewer("a", create)));
                bench.Attach().Send(Write);
                bench.Send(Write, 1);
                var view = bench.Vm.ViewOf(0);
                Assert.Equal(create ? FakeVm.FixedViews : (ushort)1, view);
                Assert.Equal(view, bench.Vm.ViewOf(1));
                Assert.Equal(PageAccess.ReadExecute, bench.Vm.Access(view, Page));
                end(bench);
                Assert.True((bench.Vm.ViewOf(0), bench.Vm.ViewOf(1)) == (0, 0), $"end {index}");
                Assert.DoesNotContain("view", bench.Vm.Snapshot(), StringComparison.Ordinal);
                Assert.Equal(create, bench.Vm.Commands.Contains($"destroy-view {view}"));
                Assert.Empty(bench.Statuses("lease-error"));
            }
        }
    }

    [Fact]
    public void Vcpus_are_back_before_page_rights_and_views_are_given_up()
    {
        using var bench = new EngineBench();
        bench.Load(Guard("other"), Viewer("a", create: true));
        bench.Attach().Send(Write);
        bench.Vm.Commands.Clear();
        bench.Handler.Detaching(DetachReason.Unhook);
        var order = bench.Vm.Commands.Where(c => c.StartsWith("view", StringComparison.Ordinal) || c.StartsWith("destroy", StringComparison.Ordinal) || c.StartsWith("page", StringComparison.Ordinal));
        Assert.Equal(["view 0 vcpu 0", "destroy-view 4", "page 0x5000 All"], order);
    }

    [Fact]
    public void A_reload_that_keeps_the_state_keeps_the_views_of_an_enforcing_policy()
    {
        using var bench = new EngineBench();
        bench.Load(Keeping(Viewer("a", create: true)));
        bench.Attach().Send(Write);
        bench.Load(Keeping(Viewer("a", create: true)));
        bench.Send(EventBody.Cr(3, 0x3000, 0x4000), 1);
        Assert.Equal(FakeVm.FixedViews, bench.Vm.ViewOf(0));
        Assert.DoesNotContain(bench.Vm.Commands, command => command.StartsWith("destroy", StringComparison.Ordinal));
        bench.Load();
        bench.Handler.Idle();
        Assert.DoesNotContain("view", bench.Vm.Snapshot(), StringComparison.Ordinal);
    }

    [Fact]
    public void A_policy_that_makes_a_view_at_each_reload_never_runs_out_of_them()
    {
        using var bench = new EngineBench();
        bench.Load(Keeping(Viewer("a", create: true)));
        bench.Attach().Send(Write);
        for (var i = 0; i < 40; i++)
        {
            bench.Load(Keeping(Viewer("a", create: true)));
            bench.Send(Write);
            Assert.NotEqual(0, bench.Vm.ViewOf(0));
        }

        Assert.Equal(41, bench.Vm.Commands.Count(command => command == "create-view"));
        Assert.Empty(bench.Statuses("view-refused"));
    }

    [Fact]
    public void Quarantine_gives_the_views_back()
    {
        using var bench = new EngineBench();
        var definition = Define("a", OnCr3, On(EventKind.Msr)) with { OnError = new PolicyErrorHandling(DecisionKind.Allow, 1, TimeSpan.FromMinutes(1)) };
        bench.Load(Loaded(definition, services =>
            [Cr(() => services.Views.Switch(0, 1) ? Decision.Allow : Decision.Crash()), Msr(() => throw new InvalidOperationException("bad"))]));
        bench.Attach().Send(Write);
        Assert.Equal(1, bench.Vm.ViewOf(0));
        bench.Send(EventBody.Msr(Lstar, 1, 2));
        Assert.Single(bench.Statuses("quarantined"));
        Assert.Equal(0, bench.Vm.ViewOf(0));
    }

    [Fact]
    public void A_view_and_a_vcpu_have_one_owner_and_the_second_policy_is_told_once()
    {
        var answers = new List<bool>();
        using var bench = new EngineBench();
        bench.Load(
            Loaded(Define("a", OnCr3), services => [Cr(() => services.Views.Switch(0, 1) ? Decision.Allow : Decision.Crash())]),
            Loaded(Define("b", OnCr3), services => [Cr(() =>
            {
                answers.AddRange(services.Views.Switch(0, 2), services.Views.Switch(1, 1), services.Views.Switch(1, 2));
                answers.Add(services.Views.Back(0));
                return Decision.Allow;
            })]));
        bench.Attach().Send(Write);
        Assert.Equal([false, false, true, true], answers);
        Assert.Equal((1, 2), (bench.Vm.ViewOf(0), bench.Vm.ViewOf(1)));
        Assert.Contains("policy a has the view or the vCPU", Assert.Single(bench.Statuses("view-refused")).Message, StringComparison.Ordinal);
        bench.Load();
        bench.Handler.Idle();
        Assert.Equal((0, 0), (bench.Vm.ViewOf(0), bench.Vm.ViewOf(1)));
    }

    [Fact]
    public void In_a_view_the_rights_of_others_hold_and_those_of_its_owner_do_not()
    {
        IPolicyServices? mine = null, others = null;
        using var bench = new EngineBench();
        bench.Load(
            Loaded(Define("a", OnCr3, On(EventKind.PageFault)), services => { mine = services; return [Cr(() => Decision.Allow), Fault()]; }),
            Loaded(Define("b", On(EventKind.PageFault)), services => { others = services; return [Fault()]; }));
        bench.Attach();
        Assert.True(mine!.Pages.Set(0x5000, PageAccess.Read) && others!.Pages.Set(0x6000, PageAccess.ReadExecute));
        Assert.True(mine.Views.Switch(0, 1));
        Assert.Equal((PageAccess.All, PageAccess.ReadExecute), (bench.Vm.Access(1, 0x5000), bench.Vm.Access(1, 0x6000)));

        // Also where nothing changes in view 0.
        Assert.True(others!.Pages.Set(0x5000, PageAccess.ReadExecute));
        Assert.Equal((PageAccess.Read, PageAccess.ReadExecute), (bench.Vm.Access(0x5000), bench.Vm.Access(1, 0x5000)));
        Assert.True(mine.Pages.Set(0x7000, PageAccess.None));
        Assert.Equal((PageAccess.None, PageAccess.All), (bench.Vm.Access(0x7000), bench.Vm.Access(1, 0x7000)));
        Assert.True(others.Pages.Release(0x6000));
        Assert.Equal(PageAccess.All, bench.Vm.Access(1, 0x6000));

        // A guard that the kernel does not set in every view is none.
        bench.Vm.Fail = command => command == "page 0x8000 ReadExecute view 1" ? KvmiError.NoMemory : KvmiError.None;
        Assert.False(others.Pages.Set(0x8000, PageAccess.ReadExecute));
        Assert.Equal((PageAccess.All, PageAccess.All), (bench.Vm.Access(0x8000), others.Pages.Get(0x8000)));
    }

    [Fact]
    public void A_policy_that_comes_or_goes_with_watched_pages_is_obeyed_in_every_view()
    {
        using var bench = new EngineBench();
        bench.Load(Keeping(Viewer("a", create: false)));
        bench.Attach().Send(Write);
        bench.Load(Keeping(Viewer("a", create: false)), Guard("other"));
        bench.Handler.Idle();
        Assert.Equal(PageAccess.ReadExecute, bench.Vm.Access(1, Page));
        bench.Load(Keeping(Viewer("a", create: false)));
        bench.Handler.Idle();
        Assert.Equal((1, PageAccess.All), (bench.Vm.ViewOf(0), bench.Vm.Access(1, Page)));
    }

    [Fact]
    public void In_audit_mode_no_vcpu_is_switched_and_it_is_told_once()
    {
        using var bench = new EngineBench();
        bench.Load(Loaded(Define("a", OnCr3) with { Mode = PolicyMode.Audit }, services => [Cr(() =>
        {
            Assert.False(services.Views.Switch(0, 1) || services.Views.TryCreate(out _));
            return Decision.Allow;
        })]));
        bench.Attach();
        Assert.Equal(bench.Untouched(Write), bench.Send(Write));
        Assert.Equal(bench.Untouched(Write), bench.Send(Write));
        Assert.DoesNotContain(bench.Vm.Commands, command => command.Contains("view", StringComparison.Ordinal));
        Assert.Contains("would have switched vCPU 0 to EPT view 1", Assert.Single(bench.Statuses("would-switch-view")).Message, StringComparison.Ordinal);
        Assert.Empty(bench.Statuses("policy-error"));
    }

    [Fact]
    public void What_the_kernel_refuses_is_false_and_changes_nothing()
    {
        foreach (var refused in (string[])["get-view", "view 1", "page 0x5000 ReadExecute view 1", "create-view"])
        {
            var answers = new List<bool>();
            using var bench = new EngineBench();
            bench.Load(Guard("other"), Loaded(Define("a", OnCr3), services => [Cr(() =>
            {
                answers.AddRange(services.Views.Switch(0, 1), services.Views.Switch(999, 1), services.Views.Switch(0, FakeVm.FixedViews));
                answers.Add(services.Views.TryCreate(out _));
                return Decision.Allow;
            })]));
            bench.Attach();
            bench.Vm.Fail = command => command.StartsWith(refused, StringComparison.Ordinal) ? KvmiError.NotSupported : KvmiError.None;
            bench.Send(Write);
            Assert.Equal([refused == "create-view", false, false, refused != "create-view"], answers);
            Assert.Single(bench.Statuses("view-refused"));
            bench.Load();
            bench.Handler.Idle();
            Assert.DoesNotContain("view", bench.Vm.Snapshot(), StringComparison.Ordinal);
            Assert.Empty(bench.Statuses("lease-error"));
        }
    }

    [Fact]
    public void A_vcpu_that_the_kernel_does_not_switch_back_is_told()
    {
        using var bench = new EngineBench();
        var back = true;
        bench.Load(Loaded(Define("a", OnCr3), services => [Cr(() =>
        {
            Assert.True(services.Views.Switch(0, 1));
            back = services.Views.Back(0);
            Assert.Equal((ushort)1, services.Views.Get(0));
            return Decision.Allow;
        })]));
        bench.Attach();
        bench.Vm.Fail = command => command == "view 0 vcpu 0" ? KvmiError.TryAgain : KvmiError.None;
        bench.Send(Write);
        Assert.False(back);
        bench.Load();
        bench.Handler.Idle();
        Assert.Contains("switching vCPU 0 back from the view of a", Assert.Single(bench.Statuses("lease-error")).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Where_the_vm_has_no_views_they_are_not_supported_and_a_policy_that_requires_them_is_refused_with_the_reason()
    {
        bool? supported = null;
        using var bench = new EngineBench();
        bench.Vm.Capabilities = bench.Vm.Capabilities with
        {
            Dialect = KvmiDialect.V12,
            Commands = bench.Vm.Capabilities.Commands.Where(kind => !kind.ToString().Contains("EptView", StringComparison.Ordinal)).ToFrozenSet(),
        };
        bench.Load(
            Loaded(Define("a", OnCr3), services =>
            {
                supported = services.Views.IsSupported;
                Assert.False(services.Views.Switch(0, 1) || services.Views.TryCreate(out _));
                return [Cr(() => Decision.Allow)];
            }),
            Loaded(Define("b", OnCr3) with { Requires = new PolicyRequirements { Commands = [CommandKind.SwitchEptView] } }, Cr(() => Decision.Allow)));
        bench.Attach();
        Assert.False(supported);
        Assert.Contains("the command switch-ept-view, which this VM does not offer in the v12 dialect", Assert.Single(bench.Statuses("refused")).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void A_vcpu_that_is_created_anew_is_nobodys()
    {
        using var bench = new EngineBench();
        IPolicyServices? services = null;
        bench.Load(Loaded(Define("a", OnCr3, On(EventKind.CreateVcpu)), s =>
        {
            services = s;
            return [Cr(() => s.Views.Switch(1, 1) ? Decision.Allow : Decision.Crash()), (PolicyHandler<CreateVcpuEvent>)(_ => Decision.Allow)];
        }));
        bench.Attach().Send(Write);
        bench.Vm.Recreate(1);
        bench.Vm.PutInView(1, 0);
        bench.Send(EventBody.Plain(EventKind.CreateVcpu), 1);
        Assert.Null(services!.Views.Get(1));
    }

    [Fact]
    public void To_switch_and_go_back_allocates_nothing()
    {
        using var bench = new EngineBench();
        bench.Load(Guard("other"), Loaded(Define("a", OnCr3), services =>
            [Cr(() => services.Views.Switch(0, 1) && services.Views.Switch(0, 2) && services.Views.Back(0) ? Decision.Allow : Decision.Crash())]));
        bench.Attach().Send(Write);
        bench.Vm.Recording = false;
        AllocationTests.AssertNoAllocation(bench, Write);
        Assert.Equal(DecisionKind.Allow, bench.Handler.LastOutcome.Decision);
        Assert.Equal(0, bench.Vm.ViewOf(0));
    }

    private static string[] Switches(EngineBench bench) => [.. bench.Vm.Commands.Where(command => command.StartsWith("view", StringComparison.Ordinal))];

    private static PolicyHandler<PageFaultEvent> Fault() => _ => Decision.Retry;

    private static GenerationPolicy Guard(string id) =>
        Loaded(Define(id, On(EventKind.PageFault)) with { Watch = [Watch(Page, Page + 0xFFF, PageAccess.ReadExecute)] }, Fault());

    private static GenerationPolicy Keeping(GenerationPolicy policy, bool keep = true) =>
        policy with { Definition = policy.Definition with { State = new PolicyStateSettings(PolicyStateScope.Vm, keep) } };

    private static GenerationPolicy Viewer(string id, bool create, PolicyMode mode = PolicyMode.Enforce) =>
        Loaded(Define(id, OnCr3) with { Mode = mode }, services =>
        {
            ushort view = 1;
            var made = false;
            return [(PolicyHandler<CrEvent>)(e =>
            {
                if (create && !made)
                {
                    made = services.Views.TryCreate(out view);
                }

                services.Views.Switch(e.Vcpu, view);
                return Decision.Allow;
            })];
        });
}
