using Kvmi.Protocol;
using Kvmi.Protocol.Commands;
using Kvmi.Protocol.Ioctls;
using Kvmi.Simulator.Kernel.Hooking;
using Kvmi.Simulator.Machine;

namespace Kvmi.Simulator.Tests.Kernel.Hooking;

/// <summary>The table of kvmi-later-dialects.md 2.7 and case 1 of its section 6, with the numbers of the branch kvmi-v7.</summary>
public sealed class VmDescriptorTests
{
    private static readonly TimeSpan Patience = TimeSpan.FromMilliseconds(RawTool.GiveUpMilliseconds);

    private static Kvmi.Protocol.Dialects.Dialect D => RawTool.Dialect;

    [Fact]
    public async Task Before_a_hook_there_is_nothing_to_allow_and_nobody_to_tell()
    {
        await using var vm = new HookFixture();
        Assert.Equal(IoctlError.Fault, await vm.CommandAsync(1, AllowArgument.All));
        Assert.Equal(IoctlError.Fault, await vm.EventAsync(1, AllowArgument.All));
        Assert.Equal(IoctlError.Fault, await vm.PreUnhookAsync());
        Assert.Equal(IoctlError.None, await vm.UnhookAsync());
    }

    [Fact]
    public async Task A_hook_takes_a_socket_and_no_padding()
    {
        await using var vm = new HookFixture();
        var (descriptor, _) = vm.Connect();
        Assert.Equal(IoctlError.InvalidArgument, await vm.HookAsync(-1));
        Assert.Equal(IoctlError.InvalidArgument, await vm.HookAsync(descriptor + 1));
        Assert.Equal(IoctlError.InvalidArgument, await vm.HookAsync(descriptor, pad: 1));
        Assert.Equal(IoctlError.Fault, await vm.Vm.IoctlAsync(vm.Vm.Ioctls.Hook, new byte[23], CancellationToken.None));
        Assert.Null(vm.Vm.Current);
        Assert.Equal(IoctlError.None, await vm.HookAsync(descriptor));
        Assert.NotNull(vm.Vm.Current);
    }

    [Fact]
    public async Task A_closed_descriptor_is_no_socket()
    {
        await using var vm = new HookFixture();
        var (descriptor, _) = vm.Connect();
        vm.Vm.Descriptors.Remove(descriptor);
        Assert.Equal(IoctlError.InvalidArgument, await vm.HookAsync(descriptor));
    }

    [Fact]
    public async Task Other_numbers_are_no_ioctls_of_this_descriptor()
    {
        await using var vm = new HookFixture();
        var v12 = IntrospectionIoctls.Of(KvmiDialect.V12);
        foreach (var number in new[] { v12.Hook, v12.Unhook, v12.Command!.Value, 0u, IntrospectionIoctls.CheckExtension })
        {
            Assert.Equal(IoctlError.NotThisDevice, await vm.Vm.IoctlAsync(number, new byte[64], CancellationToken.None));
        }
    }

    [Fact]
    public async Task With_introspection_switched_off_nothing_can_be_hooked()
    {
        await using var vm = new HookFixture(enabled: false);
        var (descriptor, _) = vm.Connect();
        Assert.Equal(IoctlError.NotPermitted, await vm.HookAsync(descriptor));
        Assert.Equal(IoctlError.NotPermitted, await vm.HookAsync(-1));
    }

    [Fact]
    public async Task A_fresh_hook_forbids_all_but_the_questions()
    {
        await using var vm = new HookFixture();
        vm.Start();
        var tool = await vm.HookedAsync(allowAll: false);
        Assert.Equal(0, tool.Ask((b, s) => D.WriteEmpty(b, s, CommandKind.GetVersion)).Error);
        Assert.Equal(0, tool.Ask((b, s) => D.Write(b, s, new CheckCommand(3))).Error);
        Assert.Equal(-1, tool.Ask((b, s) => D.Write(b, s, new CheckCommand(5))).Error);
        Assert.Equal(-1, tool.Ask((b, s) => D.Write(b, s, new CheckEvent(1))).Error);
        Assert.Equal(-1, tool.Ask((b, s) => D.WriteEmpty(b, s, CommandKind.GetVmInfo)).Error);

        Assert.Equal(IoctlError.None, await vm.CommandAsync(1, 5));
        Assert.Equal(IoctlError.None, await vm.CommandAsync(1, 9));
        Assert.Equal(IoctlError.None, await vm.EventAsync(1, 1));
        Assert.Equal(0, tool.Ask((b, s) => D.WriteEmpty(b, s, CommandKind.GetVmInfo)).Error);
        Assert.Equal(0, tool.Ask((b, s) => D.Write(b, s, new ControlEvents(0, 1, 1))).Error);
        Assert.Equal(-1, tool.Ask((b, s) => D.Write(b, s, new ControlEvents(0, 2, 1))).Error);

        Assert.Equal(IoctlError.None, await vm.CommandAsync(0, 5));
        Assert.Equal(-1, tool.Ask((b, s) => D.WriteEmpty(b, s, CommandKind.GetVmInfo)).Error);
    }

    [Fact]
    public async Task The_questions_cannot_be_forbidden_and_ids_and_switches_are_checked()
    {
        await using var vm = new HookFixture();
        vm.Start();
        var tool = await vm.HookedAsync();
        foreach (var id in new[] { 2, 3, 4 })
        {
            Assert.Equal(IoctlError.NotPermitted, await vm.CommandAsync(0, id));
        }

        Assert.Equal(IoctlError.InvalidArgument, await vm.CommandAsync(2, 5));
        Assert.Equal(IoctlError.InvalidArgument, await vm.EventAsync(2, 1));
        foreach (var id in new[] { -2, 0, 64, 0xffff, 0x10005, int.MaxValue, int.MinValue })
        {
            Assert.Equal(IoctlError.InvalidArgument, await vm.CommandAsync(1, id));
        }

        Assert.Equal(IoctlError.InvalidArgument, await vm.EventAsync(1, 14));
        Assert.Equal(IoctlError.Fault, await vm.Vm.IoctlAsync(vm.Vm.Ioctls.Command!.Value, new byte[7], CancellationToken.None));
        Assert.Equal(IoctlError.None, await vm.CommandAsync(0, AllowArgument.All));
        Assert.Equal(0, tool.Ask((b, s) => D.WriteEmpty(b, s, CommandKind.GetVersion)).Error);
        Assert.Equal(-1, tool.Ask((b, s) => D.WriteEmpty(b, s, CommandKind.GetVmInfo)).Error);
    }

    [Fact]
    public async Task A_second_hook_is_refused_until_each_vcpu_has_left_the_first()
    {
        await using var vm = new HookFixture(vcpus: 2);
        await vm.HookedAsync();
        var (descriptor, _) = vm.Connect();
        Assert.Equal(IoctlError.Exists, await vm.HookAsync(descriptor));
        var first = vm.Vm.Current!;

        // Unhooked, but no vCPU has run: what the hook did to them is not undone yet.
        Assert.Equal(IoctlError.None, await vm.UnhookAsync());
        Assert.Equal(IoctlError.None, await vm.UnhookAsync());
        Assert.Equal(IoctlError.Exists, await vm.HookAsync(descriptor));
        vm.Start();
        await first.AllVcpusLeft.WaitAsync(Patience);
        Assert.Null(vm.Vm.Current);
        Assert.Equal(IoctlError.Fault, await vm.CommandAsync(1, AllowArgument.All));
        Assert.Equal(IoctlError.None, await vm.HookAsync(descriptor));
    }

    [Fact]
    public async Task Pre_unhook_sends_the_event_only_to_a_tool_that_asked_for_it_and_ends_nothing()
    {
        await using var vm = new HookFixture();
        vm.Start();
        var tool = await vm.HookedAsync();
        Assert.Equal(IoctlError.NoEntry, await vm.PreUnhookAsync());
        Assert.Equal(0, tool.Ask((b, s) => D.Write(b, s, new ControlVmEvents(0, 1))).Error);
        Assert.Equal(IoctlError.None, await vm.PreUnhookAsync());
        Assert.Equal(1u, tool.Event(EventKind.Unhook).Header.Sequence);
        Assert.Equal(0, tool.Ask((b, s) => D.WriteEmpty(b, s, CommandKind.GetVmInfo)).Error);
        Assert.NotNull(vm.Vm.Current);
        Assert.Equal(IoctlError.None, await vm.UnhookAsync());
        tool.ExpectClose();
    }

    [Fact]
    public async Task Pre_unhook_fails_when_the_tool_is_gone()
    {
        await using var vm = new HookFixture();
        var tool = await vm.HookedAsync();
        Assert.Equal(0, tool.Ask((b, s) => D.Write(b, s, new ControlVmEvents(0, 1))).Error);
        var hook = vm.Vm.Current!;
        tool.Dispose();
        await hook.Closed.WaitAsync(Patience);
        Assert.Equal(IoctlError.NoEntry, await vm.PreUnhookAsync());
    }

    [Fact]
    public async Task A_new_hook_starts_with_nothing_of_the_old_one()
    {
        await using var vm = new HookFixture();
        vm.Start();
        var first = await vm.HookedAsync();
        Arm(first);
        Assert.Equal(0, first.Ask((b, s) => D.WriteSetPageAccess(b, s, 0, [new PageAccessEntry(0x2000, PageAccess.Read)])).Error);
        vm.Machine[0].Queue(new VcpuExit { Kind = VcpuExitKind.CrWrite, Number = 3, OldValue = 1, NewValue = 2 });
        first.Allow(first.Event(EventKind.Cr));
        var hook = vm.Vm.Current!;
        Assert.Equal(IoctlError.None, await vm.UnhookAsync());
        await hook.AllVcpusLeft.WaitAsync(Patience);
        Assert.True(vm.Machine.TryGetPageAccess(0x2000, out var access));
        Assert.Equal(PageAccess.All, access);
        Assert.False(vm.Machine.Traps.PageAccess);
        Assert.False(vm.Machine[0].GetCr(3));

        // The administrator's masks too: the new hook forbids until it is told otherwise.
        var second = await vm.HookedAsync(allowAll: false);
        Assert.Equal(-1, second.Ask((b, s) => D.WriteEmpty(b, s, CommandKind.GetVmInfo)).Error);
        Assert.Equal(IoctlError.None, await vm.CommandAsync(1, AllowArgument.All));
        Assert.Equal(IoctlError.None, await vm.EventAsync(1, AllowArgument.All));
        Assert.Equal(IoctlError.NoEntry, await vm.PreUnhookAsync());
        Arm(second);
        vm.Machine[0].Queue(new VcpuExit { Kind = VcpuExitKind.CrWrite, Number = 3, OldValue = 1, NewValue = 2 });
        Assert.Equal(1u, second.Event(EventKind.Cr).Header.Sequence);
    }

    [Theory]
    [InlineData(KvmiDialect.V11)]
    [InlineData(KvmiDialect.V12)]
    public async Task The_later_series_do_the_same_under_other_numbers(KvmiDialect dialect)
    {
        await using var vm = new HookFixture(rules: Simulator.Kernel.KernelRules.Find(dialect));
        Assert.Equal(0x4018AEC8u, vm.Vm.Ioctls.Hook);
        Assert.Equal(IoctlError.Fault, await vm.CommandAsync(1, AllowArgument.All));
        Assert.Equal(IoctlError.Fault, await vm.PreUnhookAsync());
        vm.Start();
        var tool = await vm.HookedAsync(allowAll: false);
        var d = tool.Codec;
        Assert.Equal(-1, tool.Ask((b, s) => d.WriteEmpty(b, s, CommandKind.GetVmInfo)).Error);
        Assert.Equal(IoctlError.NotPermitted, await vm.CommandAsync(0, 4));
        Assert.Equal(IoctlError.InvalidArgument, await vm.CommandAsync(1, 5000));
        Assert.Equal(IoctlError.None, await vm.CommandAsync(1, 8));
        Assert.Equal(0, tool.Ask((b, s) => d.WriteEmpty(b, s, CommandKind.GetVmInfo)).Error);
        Assert.Equal(IoctlError.NoEntry, await vm.PreUnhookAsync());
        Assert.Equal(IoctlError.None, await vm.CommandAsync(1, AllowArgument.All));
        Assert.Equal(IoctlError.None, await vm.EventAsync(1, 0));
        Assert.Equal(0, tool.Ask((b, s) => d.Write(b, s, new ControlVmEvents(0, 1))).Error);
        Assert.Equal(IoctlError.None, await vm.PreUnhookAsync());
        Assert.Equal(8, tool.Event(EventKind.Unhook).Payload.Length);
        var hook = vm.Vm.Current!;
        Assert.Equal(IoctlError.None, await vm.UnhookAsync());
        await hook.AllVcpusLeft.WaitAsync(Patience);
        await vm.HookedAsync();
    }

    [Fact]
    public async Task Messages_wait_until_the_receiver_is_started()
    {
        await using var vm = new HookFixture();
        using var held = new VmDescriptor(vm.Context) { HoldsReceiver = true };
        var (kernel, socket) = ConnectedPair.Create();
        using var tool = new RawTool(socket);
        var argument = new byte[HookArgument.Length];
        new HookArgument(held.Descriptors.Add(kernel, new Kvmi.Simulator.Transport.SocketMessageWriter(kernel)), Guid.Empty).Write(argument);
        Assert.Equal(IoctlError.None, await held.IoctlAsync(held.Ioctls.Hook, argument, CancellationToken.None));
        var asked = tool.Send((b, s) => D.WriteEmpty(b, s, CommandKind.GetVmInfo));
        var allow = new byte[AllowArgument.Length];
        new AllowArgument(1, AllowArgument.All).Write(allow);
        Assert.Equal(IoctlError.None, await held.IoctlAsync(held.Ioctls.Command!.Value, allow, CancellationToken.None));
        held.StartReceiver();
        Assert.Equal(0, tool.Reply(asked).Error);
        await held.IoctlAsync(held.Ioctls.Unhook, default, CancellationToken.None);
    }

    private static void Arm(RawTool tool)
    {
        Assert.Equal(0, tool.Ask((b, s) => D.Write(b, s, new ControlEvents(0, 1, 1))).Error);
        Assert.Equal(0, tool.Ask((b, s) => D.Write(b, s, new ControlCr(0, 3, 1))).Error);
    }
}
