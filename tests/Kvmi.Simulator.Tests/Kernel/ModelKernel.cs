using Kvmi.Protocol;
using Kvmi.Protocol.Commands;
using Kvmi.Simulator.Kernel;
using Kvmi.Simulator.Machine;
using Kvmi.Simulator.Machine.Model;
using Kvmi.Simulator.Programs;
using Kvmi.Simulator.Transport;
using Microsoft.Extensions.Logging.Abstractions;

namespace Kvmi.Simulator.Tests.Kernel;

/// <summary>A kernel side over a model machine that runs a guest program, with a raw tool at the other end. vCPUs stand still until released.</summary>
internal sealed class ModelKernel : IGuestDriver, IAsyncDisposable
{
    private readonly KernelContext _context;
    private readonly TaskCompletionSource _finished = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private int _held = 1;

    public ModelKernel(GuestProgramBuilder guest, MachineHardware hardware = MachineHardware.Vmx)
    {
        Machine = guest.BuildMachine(hardware: hardware);
        var rules = KernelRules.Find(KvmiDialect.V7)!;
        _context = new KernelContext
        {
            Machine = Machine,
            Rules = rules,
            Administrator = new AdministratorMask(rules.Dialect, null, null),
            Counters = new SimulationCounters(),
            Driver = this,
            TimeProvider = TimeProvider.System,
            Logger = NullLogger.Instance,
        };
        _context.CreateWorkers();
        var (kernel, tool) = ConnectedPair.Create();
        Hook = new HookedVm(kernel, new SocketMessageWriter(kernel), _context);
        Tool = new RawTool(tool);
        foreach (var worker in _context.Workers)
        {
            worker.Hook(Hook);
        }

        new Receiver(Hook, kernel).Start();
        foreach (var worker in _context.Workers)
        {
            worker.Start();
        }
    }

    public ModelMachine Machine { get; }

    public HookedVm Hook { get; }

    public RawTool Tool { get; }

    public string? Failure { get; private set; }

    public void Release()
    {
        Volatile.Write(ref _held, 0);
        _context.WakeAll();
    }

    /// <summary>Waits until the program of vCPU 0 has ended.</summary>
    public Task FinishAsync() => _finished.Task.WaitAsync(TimeSpan.FromMilliseconds(RawTool.GiveUpMilliseconds));

    public int Ask(RawTool.Writer write) => Tool.Ask(write).Error;

    public void Enable(EventKind kind)
    {
        Assert.True(RawTool.Dialect.TryGetEventId(kind, out var id));
        Assert.Equal(0, Ask((d, s) => RawTool.Dialect.Write(d, s, new ControlEvents(0, id, 1))));
    }

    public bool OnHalted(IVcpu vcpu)
    {
        if (!GuestMailbox.IsFinished(Machine, vcpu.Index)) return true;
        if (vcpu.Index == 0) _finished.TrySetResult();
        return false;
    }

    public void OnEventAnswered(IVcpu vcpu)
    {
    }

    public long NotBefore(IVcpu vcpu) => Volatile.Read(ref _held) != 0 ? long.MaxValue : 0;

    public void OnShutdown(IVcpu vcpu) => Failure = "triple fault";

    public void OnCrash(int vcpu)
    {
    }

    public void OnFailure(string reason) => Failure = reason;

    public async ValueTask DisposeAsync()
    {
        await Hook.UnhookAsync().WaitAsync(TimeSpan.FromMilliseconds(RawTool.GiveUpMilliseconds));
        Machine.Stop();
        foreach (var worker in _context.Workers)
        {
            worker.Stop();
            await worker.Ended.Task.WaitAsync(TimeSpan.FromMilliseconds(RawTool.GiveUpMilliseconds));
        }

        Tool.Dispose();
        Assert.Null(Failure);
    }
}
