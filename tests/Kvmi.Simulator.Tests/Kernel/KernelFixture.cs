using Kvmi.Protocol;
using Kvmi.Protocol.Commands;
using Kvmi.Protocol.Dialects;
using Kvmi.Simulator.Kernel;
using Kvmi.Simulator.Machine;
using Kvmi.Simulator.Transport;
using Microsoft.Extensions.Logging.Abstractions;

namespace Kvmi.Simulator.Tests.Kernel;

/// <summary>A kernel side over a scripted machine, hooked, with a raw tool at the other end.</summary>
internal sealed class KernelFixture : IGuestDriver, IAsyncDisposable
{
    private readonly KernelContext _context;

    public KernelFixture(
        int vcpus = 1,
        IReadOnlyCollection<ushort>? commands = null,
        IReadOnlyCollection<ushort>? events = null,
        bool held = false,
        KvmiDialect dialect = KvmiDialect.V7,
        bool repeatsFetchEvents = false)
    {
        Held = held;
        Machine = new ScriptedMachine(vcpus);
        var rules = KernelRules.Find(dialect)!;
        _context = new KernelContext
        {
            Machine = Machine,
            Rules = rules,
            Administrator = new AdministratorMask(rules.Dialect, commands, events),
            Counters = new SimulationCounters(),
            Driver = this,
            RepeatsFetchEvents = repeatsFetchEvents,
            TimeProvider = TimeProvider.System,
            Logger = NullLogger.Instance,
        };
        _context.CreateWorkers();
        (Hook, Tool) = Connect();
        foreach (var worker in _context.Workers)
        {
            worker.Start();
        }
    }

    public Dialect Codec => _context.Rules.Dialect;

    public ScriptedMachine Machine { get; }

    public HookedVm Hook { get; private set; }

    public RawTool Tool { get; private set; }

    public ScriptedVcpu Vcpu => Machine[0];

    public int? Crashed { get; private set; }

    /// <summary>Keeps the vCPUs in front of their first instruction.</summary>
    public bool Held { get; private set; }

    public string? Failure { get; private set; }

    public SimulationCounters Counters => _context.Counters;

    /// <summary>The device manager connects again.</summary>
    public async Task RehookAsync()
    {
        await Hook.UnhookAsync();
        Tool.Dispose();
        (Hook, Tool) = Connect();
    }

    public ReceivedMessage EnableEvent(EventKind kind, ushort vcpu = 0, byte enable = 1)
    {
        Assert.True(Codec.TryGetEventId(kind, out var id));
        return Tool.Ask((d, s) => Codec.Write(d, s, new ControlEvents(vcpu, id, enable)));
    }

    /// <summary>Makes the guest write CR3 with the trap armed, and gives the event.</summary>
    public ReceivedMessage WriteCr3(ulong oldValue = 1, ulong newValue = 2, int vcpu = 0)
    {
        Assert.Equal(0, EnableEvent(EventKind.Cr, (ushort)vcpu).Error);
        Assert.Equal(0, Tool.Ask((d, s) => Codec.Write(d, s, new ControlCr((ushort)vcpu, 3, 1))).Error);
        Machine[vcpu].Queue(new VcpuExit { Kind = VcpuExitKind.CrWrite, Number = 3, OldValue = oldValue, NewValue = newValue });
        return Tool.Event(EventKind.Cr);
    }

    /// <summary>Lets the vCPUs run.</summary>
    public void Release()
    {
        Held = false;
        _context.WakeAll();
    }

    public string NextDone(int vcpu = 0)
    {
        Assert.True(Machine[vcpu].Done.TryTake(out var done, RawTool.GiveUpMilliseconds), "The vCPU did nothing for a long time.");
        return done;
    }

    public bool OnHalted(IVcpu vcpu) => false;

    public void OnEventAnswered(IVcpu vcpu)
    {
    }

    public long NotBefore(IVcpu vcpu) => Held ? long.MaxValue : 0;

    public void OnShutdown(IVcpu vcpu)
    {
    }

    public void OnCrash(int vcpu) => Crashed = vcpu;

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

    private (HookedVm Hook, RawTool Tool) Connect()
    {
        var (kernel, tool) = ConnectedPair.Create();
        var hook = new HookedVm(kernel, new SocketMessageWriter(kernel), _context);
        foreach (var worker in _context.Workers)
        {
            worker.Hook(hook);
        }

        new Receiver(hook, kernel).Start();
        return (hook, new RawTool(tool, Codec));
    }
}
