using Kvmi.Protocol;
using Kvmi.Protocol.Commands;
using Kvmi.Protocol.Ioctls;
using Kvmi.Simulator.Kernel;
using Kvmi.Simulator.Kernel.Hooking;

namespace Kvmi.Simulator.Tests.Kernel.Hooking;

/// <summary>HOOK and UNHOOK of rfc-v5 (5.1, 5.2; A2, A15, A16), as the code has them and as the document does.</summary>
public sealed class RfcV5HookTests
{
    private const uint Everything = uint.MaxValue;
    private static readonly TimeSpan Patience = TimeSpan.FromMilliseconds(RawTool.GiveUpMilliseconds);

    [Fact]
    public async Task In_the_code_a_second_hook_waits_until_the_first_session_is_over()
    {
        await using var vm = Create(RfcV5Profile.Code);
        vm.Start();
        var first = await HookedAsync(vm);
        var (descriptor, _) = vm.Connect();
        var second = HookAsync(vm, descriptor);
        Assert.False(second.IsCompleted);
        first.Dispose();
        Assert.Equal(IoctlError.None, await second.WaitAsync(Patience));
    }

    [Fact]
    public async Task Only_a_fatal_signal_ends_the_wait()
    {
        await using var vm = Create(RfcV5Profile.Code);
        await HookedAsync(vm);
        var (descriptor, _) = vm.Connect();
        using var signal = new CancellationTokenSource();
        var second = HookAsync(vm, descriptor, fatalSignal: signal.Token);
        await signal.CancelAsync();
        Assert.Equal(IoctlError.Interrupted, await second.WaitAsync(Patience));
    }

    [Fact]
    public async Task In_the_document_every_failure_is_a_fault()
    {
        await using var vm = Create(RfcV5Profile.Document);
        Assert.Equal(IoctlError.Fault, await HookAsync(vm, -1));
        Assert.Equal(IoctlError.Fault, await vm.UnhookAsync());
        var tool = await HookedAsync(vm);
        var (descriptor, _) = vm.Connect();
        Assert.Equal(IoctlError.Fault, await HookAsync(vm, descriptor));
        Assert.Equal(IoctlError.Fault, await vm.UnhookAsync());
        SubscribeToUnhook(tool);
        Assert.Equal(IoctlError.None, await vm.UnhookAsync());
    }

    [Fact]
    public async Task In_the_code_the_failures_have_their_numbers_and_padding_is_not_looked_at()
    {
        await using var vm = Create(RfcV5Profile.Code);
        Assert.Equal(IoctlError.InvalidArgument, await HookAsync(vm, -1));
        Assert.Equal(IoctlError.NoEntry, await vm.UnhookAsync());
        var (descriptor, _) = vm.Connect();
        Assert.Equal(IoctlError.None, await HookAsync(vm, descriptor, pad: 7));
        Assert.Equal(IoctlError.NotPermitted, await vm.UnhookAsync());
        Assert.Equal(IoctlError.NotThisDevice, await vm.Vm.IoctlAsync(0x4008AEFD, new byte[8], CancellationToken.None));
    }

    [Fact]
    public async Task Unhook_only_sends_the_event_and_may_be_repeated()
    {
        await using var vm = Create(RfcV5Profile.Code);
        vm.Start();
        var tool = await HookedAsync(vm);
        SubscribeToUnhook(tool);
        for (var sequence = 1u; sequence <= 2; sequence++)
        {
            Assert.Equal(IoctlError.None, await vm.UnhookAsync());
            var unhook = tool.Event(EventKind.Unhook);
            Assert.Equal((sequence, 544), (unhook.Header.Sequence, unhook.Bytes.Length));
        }

        Assert.Equal(0, tool.Ask((b, s) => tool.Codec.WriteEmpty(b, s, CommandKind.GetVmInfo)).Error);
        Assert.NotNull(vm.Vm.Current);
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task The_masks_of_the_hook_hold_unless_the_kernel_ignores_them(bool ignores)
    {
        await using var vm = Create(RfcV5Profile.Code, ignores);
        vm.Start();
        var tool = await HookedAsync(vm, commands: 1 << 28, events: 0);
        Assert.Equal(0, tool.Ask((b, s) => tool.Codec.WriteEmpty(b, s, CommandKind.GetVersion)).Error);
        Assert.Equal(ignores ? 0 : -13, tool.Ask((b, s) => tool.Codec.WriteEmpty(b, s, CommandKind.GetVmInfo)).Error);
        Assert.Equal(ignores ? 0 : -1, tool.Ask((b, s) => tool.Codec.Write(b, s, new ControlVmEventMask(1))).Error);
    }

    private static HookFixture Create(RfcV5Profile profile, bool ignoresMasks = false) =>
        new(rules: KernelRules.Find(KvmiDialect.RfcV5, new RfcV5KernelOptions { Profile = profile, IgnoresMasks = ignoresMasks }));

    private static async Task<RawTool> HookedAsync(HookFixture vm, uint commands = Everything, uint events = Everything)
    {
        var (descriptor, tool) = vm.Connect();
        Assert.Equal(IoctlError.None, await HookAsync(vm, descriptor, commands: commands, events: events));
        return tool;
    }

    private static Task<IoctlError> HookAsync(
        HookFixture vm, int descriptor, uint commands = Everything, uint events = Everything, uint pad = 0, CancellationToken fatalSignal = default)
    {
        var argument = new byte[MaskedHookArgument.Length];
        new MaskedHookArgument(descriptor, commands, events, Guid.Empty, pad).Write(argument);
        return vm.Vm.IoctlAsync(vm.Vm.Ioctls.Hook, argument, fatalSignal);
    }

    private static void SubscribeToUnhook(RawTool tool) =>
        Assert.Equal(0, tool.Ask((b, s) => tool.Codec.Write(b, s, new ControlVmEventMask(1))).Error);
}
