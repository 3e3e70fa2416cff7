using Kvmi.Protocol;
using Kvmi.Protocol.Ioctls;
using Kvmi.Simulator.Kernel;
using Kvmi.Simulator.Kernel.Hooking;
using Kvmi.Simulator.Machine;
using Kvmi.Simulator.Transport;
using Microsoft.Extensions.Logging.Abstractions;

namespace Kvmi.Simulator.Tests.Kernel.Hooking;

/// <summary>A VM over a scripted machine that nobody has hooked; the test is the device manager.</summary>
internal sealed class HookFixture : IGuestDriver, IAsyncDisposable
{
    private readonly List<RawTool> _tools = [];
    private readonly IMachine _machine;
    private bool _started;

    public HookFixture(
        int vcpus = 1, bool enabled = true, KernelRules? rules = null, IMachine? machine = null, SimulatedHost? host = null, TimeProvider? time = null)
    {
        _machine = machine ?? new ScriptedMachine(vcpus);
        rules ??= KernelRules.Find(KvmiDialect.V7)!;
        Context = new KernelContext
        {
            Machine = _machine,
            Rules = rules,
            Administrator = new AdministratorMask(rules.Dialect),
            Counters = new SimulationCounters(),
            Driver = this,
            TimeProvider = time ?? TimeProvider.System,
            Tokens = host?.Tokens,
            Logger = NullLogger.Instance,
        };
        Context.CreateWorkers();
        Vm = new VmDescriptor(Context) { IsEnabled = enabled };
    }

    /// <summary>The machine, where it is the scripted one.</summary>
    public ScriptedMachine Machine => (ScriptedMachine)_machine;

    /// <summary>Ends when a vCPU halts.</summary>
    public TaskCompletionSource Halted { get; } = new(TaskCreationOptions.RunContinuationsAsynchronously);

    public KernelContext Context { get; }

    public VmDescriptor Vm { get; }

    public string? Failure { get; private set; }

    /// <summary>Lets the vCPUs run; until then none of them can leave a hook.</summary>
    public void Start()
    {
        _started = true;
        Context.StartWorkers();
    }

    public (int Descriptor, RawTool Tool) Connect()
    {
        var (kernel, tool) = ConnectedPair.Create();
        var raw = new RawTool(tool, Context.Rules.Dialect);
        _tools.Add(raw);
        return (Vm.Descriptors.Add(kernel, new SocketMessageWriter(kernel)), raw);
    }

    public Task<IoctlError> HookAsync(int descriptor, uint pad = 0)
    {
        var argument = new byte[HookArgument.Length];
        new HookArgument(descriptor, Guid.Empty, pad).Write(argument);
        return Vm.IoctlAsync(Vm.Ioctls.Hook, argument, CancellationToken.None);
    }

    public async Task<RawTool> HookedAsync(bool allowAll = true)
    {
        var (descriptor, tool) = Connect();
        Assert.Equal(IoctlError.None, await HookAsync(descriptor));
        if (allowAll)
        {
            Assert.Equal(IoctlError.None, await CommandAsync(1, AllowArgument.All));
            Assert.Equal(IoctlError.None, await EventAsync(1, AllowArgument.All));
        }

        return tool;
    }

    public Task<IoctlError> CommandAsync(uint allow, int id) => AllowAsync(Vm.Ioctls.Command, allow, id);

    public Task<IoctlError> EventAsync(uint allow, int id) => AllowAsync(Vm.Ioctls.Event, allow, id);

    public Task<IoctlError> PreUnhookAsync() => Vm.IoctlAsync(Vm.Ioctls.PreUnhook ?? 0, default, CancellationToken.None);

    public Task<IoctlError> UnhookAsync() => Vm.IoctlAsync(Vm.Ioctls.Unhook, default, CancellationToken.None);

    public bool OnHalted(IVcpu vcpu)
    {
        Halted.TrySetResult();
        return false;
    }

    public void OnEventAnswered(IVcpu vcpu)
    {
    }

    public long NotBefore(IVcpu vcpu) => 0;

    public void OnShutdown(IVcpu vcpu)
    {
    }

    public void OnCrash(int vcpu)
    {
    }

    public void OnFailure(string reason) => Failure = reason;

    public async ValueTask DisposeAsync()
    {
        Vm.Current?.Close(null);
        _machine.Stop();
        if (!_started)
        {
            Start();
        }

        foreach (var worker in Context.Workers)
        {
            worker.Stop();
            await worker.Ended.Task.WaitAsync(TimeSpan.FromMilliseconds(RawTool.GiveUpMilliseconds));
        }

        _tools.ForEach(tool => tool.Dispose());
        Vm.Dispose();
        Assert.Null(Failure);
    }

    private Task<IoctlError> AllowAsync(uint? number, uint allow, int id)
    {
        var argument = new byte[AllowArgument.Length];
        new AllowArgument(allow, id).Write(argument);
        return Vm.IoctlAsync(number ?? 0, argument, CancellationToken.None);
    }
}
