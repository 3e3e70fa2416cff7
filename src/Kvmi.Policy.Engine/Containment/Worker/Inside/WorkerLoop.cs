using System.Runtime.CompilerServices;
using Kvmi.Policy.Engine.Code;
using Kvmi.Policy.Engine.Containment.Metering;
using Kvmi.Policy.Engine.Containment.Worker.Hosting;
using Kvmi.Policy.Engine.Containment.Worker.Lane;
using Kvmi.Policy.Engine.Decisions;
using Kvmi.Policy.Engine.Dispatch;
using Kvmi.Policy.Engine.Runtime;
using Kvmi.Protocol;
using Kvmi.Protocol.Dialects;
using Kvmi.Protocol.Events;

namespace Kvmi.Policy.Engine.Containment.Worker.Inside;

/// <summary>Serves the host: one request at a time, on one thread.</summary>
internal sealed class WorkerLoop
{
    private const int MaxProblem = 512;
    private readonly LaneMemory _memory;
    private readonly WorkerPayload _payload;
    private readonly IReadOnlyList<IPolicyFactory?> _factories;
    private readonly WorkerChannel _channel;
    private readonly CurrentEvent _current = new();
    private readonly ServiceRegistry _registry = new();
    private readonly Instance?[] _instances;
    private readonly byte[] _request = new byte[LaneMemory.Capacity];

    public WorkerLoop(LaneMemory memory, WorkerPayload payload, IReadOnlyList<IPolicyFactory?> factories)
    {
        _memory = memory;
        _payload = payload;
        _factories = factories;
        _channel = new WorkerChannel(memory);
        _instances = new Instance?[factories.Count];
    }

    /// <summary>Says that the worker is ready, and serves without end.</summary>
    public void Run(WorkerReport report)
    {
        var ready = _memory.Write();
        report.Write(ref ready);
        _memory.Hand(LaneSide.Host, ready.Length);
        while (true)
        {
            _memory.Wait(LaneSide.Worker, Timeout.InfiniteTimeSpan, null);
            var length = Serve(_memory.Receive(_request));
            _memory.Hand(LaneSide.Host, length);
        }
    }

    private int Serve(int length)
    {
        var reader = new LaneReader(_request.AsSpan(0, length));
        var code = (LaneCode)reader.U8();
        _channel.Sequence = reader.U32();
        var policy = reader.U16();
        _channel.UtcNow = new DateTimeOffset((long)reader.U64(), TimeSpan.Zero);
        _channel.SinceAttach = TimeSpan.FromTicks((long)reader.U64());
        _channel.VcpuCount = (int)reader.U32();
        try
        {
            return code switch
            {
                LaneCode.Create => Create(policy, ref reader),
                LaneCode.Detach => Detach(policy),
                _ => Decide(policy, ref reader, code == LaneCode.DecideOtherwise),
            };
        }
        catch (PolicyInitializationException exception)
        {
            return Fail(policy, exception.Message);
        }
        catch (Exception exception)
        {
            return Fail(policy, $"threw {exception.GetType().Name}: {exception.Message}");
        }
    }

    private int Create(int policy, ref LaneReader reader)
    {
        var name = reader.Text(256);
        var uuid = new Guid(reader.Bytes(16));
        var definition = _payload.Policies[policy].Definition;
        var services = new WorkerServices(_channel, definition, _current, _payload.HashSeed, _registry, name, uuid);
        var instance = new Instance(services);
        _instances[policy] = instance;
        instance.Bind(_factories[policy]!.Create(services), definition);
        var writer = Begin(LaneCode.Created, policy);
        return writer.Length;
    }

    private int Detach(int policy)
    {
        _instances[policy]?.Code?.Detach();
        _instances[policy] = null;
        return Begin(LaneCode.Done, policy).Length;
    }

    private int Decide(int policy, ref LaneReader reader, bool isOtherwise)
    {
        var subscription = reader.U16();
        var number = (long)reader.U64();
        var dialect = Dialect.Find((KvmiDialect)reader.U8())!;
        dialect.ReadEvent(reader.Bytes(LaneMemory.Capacity), out var frame);
        _current.Number = number;
        _current.Facts = new EventFacts(in frame);
        _current.Regs = frame.Regs;
        _current.Active = true;
        try
        {
            var instance = _instances[policy]!;
            var handler = isOtherwise ? instance.Otherwise[subscription] : instance.Handlers[subscription];
            var decision = Run(handler!, _payload.Policies[policy].Definition.Budget, in frame, out var problem);
            if (problem is not null)
            {
                return Fail(policy, problem);
            }

            instance.Otherwise[subscription] = decision.Otherwise;
            var writer = Begin(LaneCode.Decided, policy);
            writer.U8((byte)decision.Kind);
            writer.U64(decision.Value);
            writer.U8(decision.Exception.Vector);
            writer.U32(decision.Exception.ErrorCode);
            writer.U64(decision.Exception.Address);
            writer.U8(decision.Otherwise is null ? (byte)0 : (byte)1);
            return writer.Length;
        }
        finally
        {
            _current.Active = false;
        }
    }

    private static Decision Run(Delegate handler, Model.PolicyBudget budget, in EventFrame frame, out string? problem)
    {
        var meter = ScriptMeter.Current;
        meter.Begin(budget.Fuel, budget.Memory);
        try
        {
            var decision = HandlerCall.Invoke(handler, in frame);
            problem = meter.End();
            return decision;
        }
        catch (Exception exception)
        {
            problem = meter.End() ?? $"threw {exception.GetType().Name}: {exception.Message}";
            return default;
        }
    }

    private int Fail(int policy, string problem)
    {
        var writer = Begin(LaneCode.Failed, policy);
        writer.Text(problem, MaxProblem);
        return writer.Length;
    }

    /// <summary>Starts an answer with what the run has left behind.</summary>
    private LaneWriter Begin(LaneCode code, int policy)
    {
        var writer = _memory.Write();
        writer.Begin(code, _channel.Sequence);
        if (_instances[policy]?.Services is not { } services)
        {
            writer.U32(0);
            writer.U8(0);
            return writer;
        }

        var edited = _current.Active ? services.Edits.Edited : 0;
        writer.U32(edited);
        for (var i = 0; i < WorkerRegisters.Count; i++)
        {
            if ((edited & (1u << i)) != 0)
            {
                writer.U64(services.Edits.Get((GuestRegister)i));
            }
        }

        services.OwnFacts.WriteChanges(ref writer);
        return writer;
    }

    private sealed class Instance(WorkerServices services)
    {
        public WorkerServices Services => services;

        public PolicyBase? Code { get; private set; }

        public IReadOnlyList<Delegate?> Handlers { get; private set; } = [];

        public Delegate?[] Otherwise { get; private set; } = [];

        public void Bind(BoundPolicy bound, Model.PolicyDefinition definition)
        {
            Code = bound.Instance;
            Handlers = bound.Handlers;
            Otherwise = new Delegate?[definition.Subscriptions.Count];

            // The first event shall not wait for the compiler.
            foreach (var handler in bound.Handlers)
            {
                if (handler is not null)
                {
                    RuntimeHelpers.PrepareDelegate(handler);
                }
            }
        }
    }
}
