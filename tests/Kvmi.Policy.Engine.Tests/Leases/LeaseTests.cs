using Kvmi.Policy.Engine.Leases;
using Kvmi.Policy.Engine.Model;
using Kvmi.Policy.Engine.Tests.Runtime;
using Kvmi.Protocol;
using Kvmi.Protocol.Events;
using Kvmi.Session.Vm;
using static Kvmi.Policy.Engine.Tests.Runtime.EngineBench;

namespace Kvmi.Policy.Engine.Tests.Leases;

public sealed class LeaseTests
{
    [Fact]
    public void Traps_are_armed_on_every_vcpu_and_only_once_for_two_policies()
    {
        using var bench = new EngineBench();
        bench.Load(
            Loaded(Define("a", OnCr3), Cr(() => Decision.Allow)),
            Loaded(Define("b", OnCr3, On(EventKind.Msr)), Cr(() => Decision.Allow), Msr(() => Decision.Allow)));
        bench.Attach();

        Assert.Single(bench.Vm.Commands, "cr3 vcpu 1 on");
        Assert.True(bench.Vm.IsOn("msr 0xc0000082 vcpu 0"));
        bench.Load(Loaded(Define("b", On(EventKind.Msr)), Msr(() => Decision.Allow)));
        bench.Vm.Commands.Clear();
        bench.Handler.Idle();
        Assert.Equal(["cr3 vcpu 0 off", "event Cr vcpu 0 off", "cr3 vcpu 1 off", "event Cr vcpu 1 off"], bench.Vm.Commands);
    }

    [Fact]
    public void A_target_of_some_vcpus_arms_only_those_but_page_faults_everywhere()
    {
        using var bench = new EngineBench(new FakeVm(vcpus: 3));
        bench.Load(Loaded(
            Define("p", OnCr3, On(EventKind.PageFault)) with { Target = new PolicyTarget { Vcpus = [new ValueRange(1, 1)] } },
            Cr(() => Decision.Keep(1)),
            Pf(() => Decision.Allow)));
        bench.Attach();

        Assert.False(bench.Vm.IsOn("cr3 vcpu 0"));
        Assert.True(bench.Vm.IsOn("cr3 vcpu 1"));
        Assert.True(bench.Vm.IsOn("event PageFault vcpu 2"));
        Assert.Equal(bench.Untouched(EventBody.Cr(3, 1, 2)), bench.Send(EventBody.Cr(3, 1, 2)));
        Assert.NotEqual(bench.Untouched(EventBody.Cr(3, 1, 2), 1), bench.Send(EventBody.Cr(3, 1, 2), 1));
    }

    [Fact]
    public void A_hot_plugged_vcpu_is_armed_and_given_back()
    {
        using var bench = new EngineBench();
        var before = bench.Vm.Snapshot();
        bench.Load(Loaded(Define("p", OnCr3), Cr(() => Decision.Allow)));
        bench.Attach();
        Assert.True(bench.Vm.IsOn("vm-event CreateVcpu"));
        bench.Send(EventBody.Plain(EventKind.CreateVcpu), 2);

        Assert.True(bench.Vm.IsOn("cr3 vcpu 2"));
        bench.Handler.Detaching(DetachReason.Stopping);
        Assert.Equal(before, bench.Vm.Snapshot());
    }

    [Fact]
    public void A_vcpu_that_nobody_announced_is_armed_when_an_event_names_it_and_those_before_it_too()
    {
        using var bench = new EngineBench();
        var before = bench.Vm.Snapshot();
        bench.Load(Loaded(Define("p", OnCr3), Cr(() => Decision.Allow)));
        bench.Attach();
        bench.Send(EventBody.Plain(EventKind.Hypercall), 3);

        Assert.True(bench.Vm.IsOn("cr3 vcpu 2") && bench.Vm.IsOn("cr3 vcpu 3"));
        bench.Handler.Detaching(DetachReason.Stopping);
        Assert.Equal(before, bench.Vm.Snapshot());
    }

    [Fact]
    public void A_vcpu_created_anew_while_a_generation_waits_gets_each_command_once()
    {
        using var bench = new EngineBench();
        bench.Load(Loaded(Define("p", OnCr3), Cr(() => Decision.Allow)));
        bench.Attach();
        bench.Load(
            Loaded(Define("p", OnCr3), Cr(() => Decision.Allow)),
            Loaded(Define("q", On(EventKind.Msr)), Msr(() => Decision.Allow)));
        bench.Vm.Recreate(1);
        bench.Vm.Commands.Clear();
        bench.Send(EventBody.Plain(EventKind.CreateVcpu), 1);

        Assert.Equal(
            [
                "event Cr vcpu 1 on", "cr3 vcpu 1 on",
                "event Msr vcpu 0 on", "msr 0xc0000082 vcpu 0 on", "event Msr vcpu 1 on", "msr 0xc0000082 vcpu 1 on",
            ],
            bench.Vm.Commands);
    }

    [Fact]
    public void A_vcpu_that_is_not_ready_is_armed_later()
    {
        using var bench = new EngineBench();
        bench.Vm.Fail = command => command.Contains("vcpu 1", StringComparison.Ordinal) ? KvmiError.TryAgain : KvmiError.None;
        bench.Load(Loaded(Define("p", OnCr3), Cr(() => Decision.Allow)));
        bench.Attach();
        Assert.False(bench.Vm.IsOn("cr3 vcpu 1"));

        bench.Handler.Idle();
        bench.Vm.Fail = null;
        bench.Handler.Idle();
        Assert.True(bench.Vm.IsOn("cr3 vcpu 1"));
        bench.Vm.Commands.Clear();
        bench.Handler.Idle();
        Assert.Empty(bench.Vm.Commands);
    }

    [Fact]
    public void A_refused_trap_refuses_the_policy_and_leaves_nothing_behind()
    {
        using var bench = new EngineBench();
        var before = bench.Vm.Snapshot();
        bench.Vm.Fail = command => command == "msr 0xc0000082 vcpu 1 on" ? KvmiError.InvalidArgument : KvmiError.None;
        bench.Load(Loaded(Define("p", OnCr3, On(EventKind.Msr)), Cr(() => Decision.Allow), Msr(() => Decision.Allow)));
        bench.Attach();

        Assert.Equal(before, bench.Vm.Snapshot());
        Assert.Contains("trap of MSR 0xc0000082 on vCPU 1", Assert.Single(bench.Statuses("refused")).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void The_page_fault_event_is_on_everywhere_before_the_first_restriction_and_off_after_the_last()
    {
        using var bench = new EngineBench();
        bench.Load(Loaded(Define("p", On(EventKind.PageFault)) with { Watch = [Watch(0x1000, 0x3FFF, PageAccess.ReadExecute)] }, Pf(() => Decision.Allow)));
        bench.Attach();
        var commands = bench.Vm.Commands;
        Assert.True(commands.IndexOf("event PageFault vcpu 1 on") < commands.IndexOf("page 0x1000 ReadExecute"));
        commands.Clear();
        bench.Handler.Detaching(DetachReason.Unhook);
        Assert.Equal("page 0x3000 All", commands[2]);
        Assert.True(commands.IndexOf("page 0x3000 All") < commands.IndexOf("event PageFault vcpu 0 off"));
    }

    [Fact]
    public void A_watch_that_the_kernel_refuses_is_rolled_back()
    {
        using var bench = new EngineBench();
        var before = bench.Vm.Snapshot();
        bench.Vm.Fail = command => command == "page 0x3000 ReadExecute" ? KvmiError.InvalidArgument : KvmiError.None;
        bench.Load(Loaded(Define("p", On(EventKind.PageFault)) with { Watch = [Watch(0x1000, 0x4FFF, PageAccess.ReadExecute)] }, Pf(() => Decision.Allow)));
        bench.Attach();

        Assert.Equal(before, bench.Vm.Snapshot());
        Assert.Single(bench.Statuses("refused"));
    }

    [Fact]
    public void A_watch_of_the_whole_address_space_is_refused_at_once()
    {
        using var bench = new EngineBench();
        bench.Load(Loaded(Define("p", On(EventKind.PageFault)) with { Watch = [Watch(0, ulong.MaxValue, PageAccess.Read)] }, Pf(() => Decision.Allow)));
        bench.Attach();
        Assert.Contains($"at most {PageLeases.MaxPages}", Assert.Single(bench.Statuses("refused")).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void The_intersection_of_wishes_is_in_force_and_each_owner_takes_back_only_its_own()
    {
        var vm = new FakeVm();
        var leases = new PageLeases(vm, _ => Assert.Fail("no fault expected"));
        var owners = Enumerable.Range(0, 6).Select(i => new LeaseOwner($"p{i}")).ToArray();
        foreach (var owner in owners)
        {
            Assert.Equal(KvmiError.None, leases.Set(owner, 0x1000, PageAccess.ReadExecute));
        }

        leases.Set(owners[5], 0x1234, PageAccess.ReadWrite);
        Assert.Equal(PageAccess.Read, vm.Access(0x1000));
        leases.Release(owners[5]);
        Assert.Equal(PageAccess.ReadExecute, vm.Access(0x1000));
        foreach (var owner in owners)
        {
            leases.Release(owner);
        }

        Assert.Equal((PageAccess.All, 0), (vm.Access(0x1000), leases.Count));
        Assert.Equal(4, vm.Commands.Count);
    }

    [Fact]
    public void A_refused_page_wish_is_not_recorded()
    {
        var vm = new FakeVm { Fail = _ => KvmiError.InvalidArgument };
        var leases = new PageLeases(vm, _ => { });
        var owner = new LeaseOwner("p");
        Assert.Equal(KvmiError.InvalidArgument, leases.Set(owner, 0x1000, PageAccess.Read));
        Assert.Equal((PageAccess.All, 0, 0), (leases.Get(owner, 0x1000), leases.Count, owner.PageCount));
    }

    [Fact]
    public void Patches_of_two_owners_go_back_in_any_order()
    {
        foreach (var firstGone in (int[])[0, 1])
        {
            var vm = new FakeVm();
            vm.Put(0x0FFE, [1, 2, 3, 4, 5, 6]);
            var patches = new MemoryPatches(vm, fault => Assert.Fail(fault.ToString()));
            LeaseOwner[] owners = [new("a"), new("b")];
            patches.Write(owners[0], 0x0FFE, [0xA1, 0xA2, 0xA3, 0xA4]);
            patches.Write(owners[1], 0x1000, [0xB1, 0xB2, 0xB3]);
            patches.Write(owners[1], 0x1000, [0xC1, 0xC2, 0xC3]);

            patches.Release(owners[firstGone]);
            Assert.Equal(firstGone == 0 ? [1, 2, 0xC1, 0xC2, 0xC3, 6] : (byte[])[0xA1, 0xA2, 0xA3, 0xA4, 5, 6], vm.Peek(0x0FFE, 6));
            patches.Release(owners[1 - firstGone]);
            Assert.Equal([1, 2, 3, 4, 5, 6], vm.Peek(0x0FFE, 6));
            Assert.Equal(0, patches.Count);
        }
    }

    [Fact]
    public void Bytes_that_the_guest_changed_since_stay_and_are_reported()
    {
        var vm = new FakeVm();
        var faults = new List<LeaseFault>();
        var patches = new MemoryPatches(vm, faults.Add);
        var owner = new LeaseOwner("a");
        patches.Write(owner, 0x1000, [1, 2, 3]);
        vm.Put(0x1001, [9]);
        patches.Release(owner);
        Assert.Equal([0, 9, 0], vm.Peek(0x1000, 3));
        Assert.Contains("1 of 3 bytes", Assert.Single(faults).What, StringComparison.Ordinal);
    }
}
