using Kvmi.Protocol;
using Kvmi.Protocol.Events;
using Kvmi.Session;
using Kvmi.Session.Endpoints;
using Kvmi.Session.Vm;
using Kvmi.Simulator.Kernel;
using Kvmi.Simulator.Programs;

namespace Kvmi.Simulator.Tests.Session;

/// <summary>Whole stops, batches and bulk reads while every vCPU of the guest keeps sending events.</summary>
public sealed class StopAndBatchUnderLoadTests : IDisposable
{
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(60);
    private readonly string _folder = Directory.CreateTempSubdirectory("kvmi-load").FullName;

    public static TheoryData<KvmiDialect, int> Guests
    {
        get
        {
            var guests = new TheoryData<KvmiDialect, int>();
            foreach (var dialect in Enum.GetValues<KvmiDialect>().Where(id => KernelRules.Find(id) is not null))
            {
                guests.Add(dialect, 1);
                guests.Add(dialect, 5);
            }

            return guests;
        }
    }

    [Theory]
    [MemberData(nameof(Guests))]
    public async Task Nothing_is_lost_and_a_stopped_vcpu_does_not_move(KvmiDialect dialect, int vcpus)
    {
        var endpoint = "unix:" + Path.Combine(_folder, "s");
        var worker = new Worker();
        var options = new KvmiServerOptions { Endpoints = [KvmiEndpoint.Parse(endpoint)] };
        await using var server = new KvmiServer(options, worker.Take);
        server.Start();
        using var stop = new CancellationTokenSource();
        var run = Simulation.RunAsync(
            new SimulatorOptions
            {
                Endpoint = endpoint,
                Dialect = dialect,
                Scenario = "load",
                Vcpus = vcpus,

                // An rfc-v5 kernel is recognised on its second connection.
                Reconnect = dialect == KvmiDialect.RfcV5 ? TimeSpan.FromMilliseconds(50) : null,
            },
            stop.Token);
        await worker.Done.WaitAsync(Patience);
        var counters = server.Vms[0].Counters;
        await stop.CancelAsync();
        var result = await run.WaitAsync(Patience);
        Assert.Null(result.FailureReason);
        Assert.Null(worker.Problem);
        Assert.Equal(0, counters.HandlerErrors + counters.ProtocolErrors);
        Assert.True(worker.Stops >= Worker.Enough);
    }

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    private sealed class Worker : VmHandler
    {
        public const int Enough = 40;
        private readonly TaskCompletionSource _done = new(TaskCreationOptions.RunContinuationsAsynchronously);
        private IIntrospectedVm _vm = null!;
        private int _events;

        public int Stops { get; private set; }

        public string? Problem { get; private set; }

        public Task Done => _done.Task;

        public Worker Take(IIntrospectedVm vm)
        {
            _vm = vm;
            return this;
        }

        public override void Attached()
        {
            using var batch = _vm.StartBatch();
            for (ushort vcpu = 0; vcpu < _vm.VcpuCount; vcpu++)
            {
                batch.ControlEvents(vcpu, EventKind.Cr, true);
                batch.ControlCr(vcpu, 3, true);
            }

            Expect("the switches", batch.Send(), KvmiError.None);
        }

        public override void OnEvent(in EventFrame frame, ref EventReply reply)
        {
            Expect("no other event reaches the handler", frame.Kind, EventKind.Cr);
            if (++_events % 25 != 0 || Stops >= Enough)
            {
                return;
            }

            var stopped = _vm.PauseAll(Patience);
            Expect("the stop", (stopped.IsComplete, stopped.Stopped.Count), (true, _vm.VcpuCount));
            var before = Registers();
            Work();
            Expect("every vCPU stands", Registers().SequenceEqual(before), true);
            Stops++;
            _vm.ResumeAll();
            if (Stops == Enough)
            {
                _done.TrySetResult();
            }
        }

        /// <summary>A batch with failures among its entries, and reads of many ranges.</summary>
        private void Work()
        {
            Span<byte> memory = stackalloc byte[64];
            Span<KvmiError> results = stackalloc KvmiError[3];
            _vm.ReadPhysical([new(GuestLayout.TextGpa + 0xff0, 32), new(1UL << 50, 16), new(GuestLayout.TextGpa, 16)], memory, results);
            Expect("the readable ranges", (results[0], results[2]), (KvmiError.None, KvmiError.None));
            Expect("the range outside memory", results[1] != KvmiError.None, true);

            using var batch = _vm.StartBatch();
            var wrong = new List<int>();
            for (ushort vcpu = 0; vcpu < _vm.VcpuCount; vcpu++)
            {
                batch.ControlEvents(vcpu, EventKind.Cr, true);
                wrong.Add(batch.ControlCr(vcpu, 8, true));
                batch.ControlMsr(vcpu, 0xC000_0082, vcpu % 2 == 0);
            }

            wrong.Add(batch.ControlMsr(0, 0xFFFF_FFFF, true));
            Expect("the first failure", batch.Send(), KvmiError.InvalidArgument);
            for (var entry = 0; entry < batch.Count; entry++)
            {
                Expect($"entry {entry}", batch[entry], wrong.Contains(entry) ? KvmiError.InvalidArgument : KvmiError.None);
            }
        }

        private (ulong Rip, ulong Rsp, ulong Cr3)[] Registers()
        {
            var all = new (ulong, ulong, ulong)[_vm.VcpuCount];
            for (ushort vcpu = 0; vcpu < all.Length; vcpu++)
            {
                Expect("the registers", _vm.GetRegisters(vcpu, out var state, []), KvmiError.None);
                all[vcpu] = (state.Regs.Rip, state.Regs.Rsp, state.Sregs.Cr3);
            }

            return all;
        }

        private void Expect<T>(string what, T actual, T expected)
        {
            if (!EqualityComparer<T>.Default.Equals(actual, expected))
            {
                Problem ??= $"{what}: {actual} instead of {expected}";
                _done.TrySetResult();
            }
        }
    }
}
