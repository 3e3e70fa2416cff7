using Kvmi.Policy.Engine.Code;
using Kvmi.Policy.Engine.Findings;
using Kvmi.Policy.Engine.Generations;
using Kvmi.Policy.Engine.Model;
using Kvmi.Policy.Engine.Output;
using Kvmi.Policy.Engine.Runtime;
using Kvmi.Policy.Engine.Summary;
using Kvmi.Protocol;
using Kvmi.Protocol.Dialects;
using Kvmi.Protocol.Events;
using Kvmi.Protocol.Registers;
using Kvmi.Session.Vm;

namespace Kvmi.Policy.Engine.Tests.Runtime;

/// <summary>An engine with one fake VM, policies from delegates, and events from the v7 dialect.</summary>
internal sealed class EngineBench : IDisposable
{
    public const uint Lstar = 0xC000_0082;
    private readonly byte[] _message = new byte[1024];
    private int _generation;

    public EngineBench(
        FakeVm? vm = null,
        bool emitAll = false,
        int outputCapacity = 8192,
        Kvmi.Policy.Engine.Faults.PolicyFaults? faults = null,
        int memoryCachePages = 32)
    {
        Vm = vm ?? new FakeVm();
        Engine = new PolicyEngine(new PolicyEngineOptions
        {
            Output = Sink,
            TimeProvider = Time,
            EmitAllDecisions = emitAll,
            OutputCapacity = outputCapacity,
            HashSeed = 42,
            Faults = faults,
            MemoryCachePages = memoryCachePages,
        });
        Handler = (VmPolicyHandler)Engine.Create(Vm);
    }

    public FakeVm Vm { get; }

    public ManualTime Time { get; } = new();

    public ListSink Sink { get; } = new();

    public PolicyEngine Engine { get; }

    public VmPolicyHandler Handler { get; }

    public VcpuState State = new() { Mode = 8, Regs = new KvmRegs { Rip = 0xFFFF_FFFF_8100_0000 } };

    public static PolicyDefinition Define(string id, params PolicySubscription[] subscriptions) => new()
    {
        Id = id,
        Version = "1.0.0",
        File = $"{id}.yaml",
        Mode = PolicyMode.Enforce,
        Subscriptions = subscriptions,
        Code = new PolicyCode { InlineText = "test" },
        Location = new SourceLocation($"{id}.yaml"),
    };

    public static PolicySubscription On(EventKind kind, EventFilter? filter = null, PolicyThen? then = null) => new()
    {
        Event = kind,
        Filter = filter ?? (kind == EventKind.Msr ? new EventFilter { Msrs = [new ValueRange(Lstar, Lstar)] } : EventFilter.Any),
        Handler = then is null ? "OnEvent" : null,
        Then = then,
        Location = new SourceLocation("test.yaml"),
    };

    public static PolicySubscription OnCr3 => On(EventKind.Cr, new EventFilter { Cr = 3 });

    public static PolicyWatch Watch(ulong first, ulong last, PageAccess access) =>
        new([new ValueRange(first, last)], access, new SourceLocation("test.yaml"));

    public static GenerationPolicy Loaded(PolicyDefinition definition, params Delegate?[] handlers) =>
        Loaded(definition, _ => handlers);

    public static GenerationPolicy Loaded(PolicyDefinition definition, Func<IPolicyServices, Delegate?[]> create) =>
        new(definition, new DelegateFactory(create), new PolicyStatistics(definition.Id));

    public static PolicyHandler<CrEvent> Cr(Func<Decision> decide) => _ => decide();

    public static PolicyHandler<MsrEvent> Msr(Func<Decision> decide) => _ => decide();

    public static PolicyHandler<PageFaultEvent> Pf(Func<Decision> decide) => _ => decide();

    public CodeLife Load(params GenerationPolicy[] policies)
    {
        var life = new CodeLife();
        Engine.Swap(new Generation(++_generation, policies, life));
        return life;
    }

    public EngineBench Attach()
    {
        Handler.Attached();
        return this;
    }

    public byte[] Send(in EventBody body, ushort vcpu = 0)
    {
        var frame = Frame(in body, vcpu);
        var reply = default(EventReply);
        reply.NewValue = frame.NewValue;
        Handler.OnEvent(in frame, ref reply);
        return Bytes(in frame, in reply);
    }

    public EventAction SendPageFault(ulong gpa, PageAccess access)
    {
        var body = EventBody.PageFault(0xFFFF_FFFF_8100_0000 + gpa, gpa, access);
        var frame = Frame(in body, 0);
        var reply = default(EventReply);
        Handler.OnEvent(in frame, ref reply);
        return reply.Action;
    }

    /// <summary>The reply bytes that a host without any policy would send.</summary>
    public byte[] Untouched(in EventBody body, ushort vcpu = 0)
    {
        var frame = Frame(in body, vcpu);
        var reply = default(EventReply);
        reply.NewValue = frame.NewValue;
        return Bytes(in frame, in reply);
    }

    public EventFrame Frame(scoped in EventBody body, ushort vcpu)
    {
        var dialect = Dialect.Find(KvmiDialect.V7)!;
        var length = dialect.WriteEvent(_message, 77, vcpu, in State, in body);
        Assert.Equal(DecodeStatus.Ok, dialect.ReadEvent(_message.AsSpan(0, length), out var frame));
        return frame;
    }

    public StatusOutput[] Statuses(string status)
    {
        Engine.Flush();
        return [.. Sink.Records.OfType<StatusOutput>().Where(record => record.Status == status)];
    }

    public void Dispose() => Engine.Dispose();

    private static byte[] Bytes(in EventFrame frame, in EventReply reply)
    {
        var bytes = new byte[512];
        var length = Dialect.Find(KvmiDialect.V7)!.WriteEventReply(bytes, frame.Sequence, frame.Vcpu, frame.Kind, in reply);
        return bytes[..length];
    }

    internal sealed class CodeLife : IDisposable
    {
        public bool Disposed { get; private set; }

        public void Dispose() => Disposed = true;
    }

    internal sealed class ListSink : IOutputSink
    {
        private readonly List<OutputRecord> _records = [];

        public OutputRecord[] Records
        {
            get
            {
                lock (_records)
                {
                    return [.. _records];
                }
            }
        }

        /// <summary>True: for loads that would fill the memory with them.</summary>
        public bool ForgetsDecisions { get; set; }

        /// <summary>Called before each record; may hold the output thread.</summary>
        public Action? Before { get; set; }

        public void Write(OutputRecord record)
        {
            Before?.Invoke();
            if (record is DecisionOutput && ForgetsDecisions)
            {
                return;
            }

            lock (_records)
            {
                _records.Add(record);
            }
        }
    }

    internal sealed class ManualTime : TimeProvider
    {
        private TimeSpan _elapsed;

        public override long TimestampFrequency => TimeSpan.TicksPerSecond;

        public void Advance(TimeSpan time) => _elapsed += time;

        public override long GetTimestamp() => _elapsed.Ticks + TimeSpan.TicksPerDay;

        public override DateTimeOffset GetUtcNow() => new DateTimeOffset(2026, 1, 1, 0, 0, 0, TimeSpan.Zero) + _elapsed;
    }

    private sealed class DelegateFactory : IPolicyFactory
    {
        private readonly Func<IPolicyServices, Delegate?[]> _create;

        public DelegateFactory(Func<IPolicyServices, Delegate?[]> create) => _create = create;

        public BoundPolicy Create(IPolicyServices services) => new(null, _create(services));
    }
}
