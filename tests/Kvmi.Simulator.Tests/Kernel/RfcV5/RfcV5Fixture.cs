using System.Runtime.InteropServices;
using Kvmi.Protocol;
using Kvmi.Protocol.Commands;
using Kvmi.Protocol.Registers;
using Kvmi.Simulator.Kernel;
using Kvmi.Simulator.Kernel.Mapping;
using Kvmi.Simulator.Machine;
using Kvmi.Simulator.Transport;
using Kvmi.TestSupport;
using Microsoft.Extensions.Logging.Abstractions;

namespace Kvmi.Simulator.Tests.Kernel.RfcV5;

/// <summary>The rfc-v5 kernel over a machine, hooked, with a tool of bytes at the other end.</summary>
internal sealed class RfcV5Fixture : IGuestDriver, IAsyncDisposable
{
    private readonly KernelContext _context;
    private readonly IMachine _machine;

    public RfcV5Fixture(
        IMachine machine, RfcV5KernelOptions? options = null, ushort[]? commands = null, ushort[]? events = null, bool held = false, MapTokens? tokens = null)
    {
        Held = held;
        _machine = machine;
        var rules = KernelRules.Find(KvmiDialect.RfcV5, options)!;
        _context = new KernelContext
        {
            Machine = machine,
            Rules = rules,
            Administrator = new AdministratorMask(rules.Dialect, commands, events),
            Counters = new SimulationCounters(),
            Driver = this,
            TimeProvider = TimeProvider.System,
            Logger = NullLogger.Instance,
            Tokens = tokens ?? new MapTokens(TimeProvider.System),
        };
        _context.CreateWorkers();
        var (kernel, tool) = ConnectedPair.Create();
        Hook = new HookedVm(kernel, new SocketMessageWriter(kernel), _context);
        Tool = new RfcV5Tool(tool);
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

    public HookedVm Hook { get; }

    public RfcV5Tool Tool { get; }

    public KernelContext Context => _context;

    public bool Held { get; private set; }

    public string? Failure { get; private set; }

    public int? Crashed { get; private set; }

    public static RfcV5KernelOptions Options(RfcV5Profile profile) => new() { Profile = profile };

    /// <summary>Four vCPUs in state A, and what else the vectors' replies tell.</summary>
    public static ScriptedMachine VectorMachine()
    {
        var machine = new ScriptedMachine(4) { TscFrequency = 2_400_000_000 };
        machine.TryWritePhysical(0x1FF0, RfcV5Vectors.Bytes("C29").AsSpan(16));
        for (var index = 0; index < 4; index++)
        {
            var vcpu = machine[index];
            vcpu.SetState(StateA());
            vcpu.Leaves[(0x8000_0001, 0)] = new CpuidReply(0x306A9, 0, 1, 0x2810_0800);
            vcpu.Msrs[0xC000_0080] = 0xD01;
            vcpu.Msrs[0x176] = 0xFFFF_FFFF_8180_1000;
            vcpu.TrySetXsave([.. Enumerable.Range(0, 4096).Select(number => (byte)number)]);
        }

        return machine;
    }

    public static VcpuState StateA() => new()
    {
        Mode = 8,
        Regs = MemoryMarshal.Read<KvmRegs>(RfcV5Vectors.Block),
        Sregs = MemoryMarshal.Read<KvmSregs>(RfcV5Vectors.Block.AsSpan(144)),
        Msrs = MemoryMarshal.Read<KvmEventMsrs>(RfcV5Vectors.Block.AsSpan(456)),
    };

    public int Events(uint mask, ushort vcpu = 0) => RfcV5Tool.Error(Tool.Ask((d, s) => RfcV5Tool.D.Write(d, s, new ControlEventMask(vcpu, mask))));

    public int VmEvents(uint mask) => RfcV5Tool.Error(Tool.Ask((d, s) => RfcV5Tool.D.Write(d, s, new ControlVmEventMask(mask))));

    public int Access(ulong gpa, PageAccess access, ushort vcpu = 0) =>
        RfcV5Tool.Error(Tool.Ask((d, s) => RfcV5Tool.D.WriteSetPageAccess(d, s, vcpu, 0, [new PageAccessEntry(gpa, access)])));

    /// <summary>Lets the vCPUs run.</summary>
    public void Release()
    {
        Held = false;
        _context.WakeAll();
    }

    public string NextDone(int vcpu = 0)
    {
        Assert.True(((ScriptedMachine)_machine)[vcpu].Done.TryTake(out var done, RawTool.GiveUpMilliseconds), "The vCPU did nothing for a long time.");
        return done;
    }

    public bool OnHalted(IVcpu vcpu) => false;

    public void OnEventAnswered(IVcpu vcpu)
    {
    }

    public long NotBefore(IVcpu vcpu) => Held ? long.MaxValue : 0;

    public void OnShutdown(IVcpu vcpu) => Failure = $"vCPU {vcpu.Index} suffered a triple fault";

    public void OnCrash(int vcpu) => Crashed = vcpu;

    public void OnFailure(string reason) => Failure = reason;

    public async ValueTask DisposeAsync()
    {
        await Hook.UnhookAsync().WaitAsync(TimeSpan.FromMilliseconds(RawTool.GiveUpMilliseconds));
        _machine.Stop();
        foreach (var worker in _context.Workers)
        {
            worker.Stop();
            await worker.Ended.Task.WaitAsync(TimeSpan.FromMilliseconds(RawTool.GiveUpMilliseconds));
        }

        Tool.Dispose();
        Assert.Null(Failure);
    }
}
