using System.Collections.Concurrent;
using Kvmi.Policy.Engine.Faults;
using Kvmi.Policy.Engine.Model;
using Kvmi.Policy.Engine.Output;
using Kvmi.Policy.Engine.Runtime.State;
using Kvmi.Policy.Engine.Shadow;

namespace Kvmi.Policy.Engine.Runtime;

/// <summary>What the handlers of all VMs share.</summary>
internal sealed class EngineServices
{
    private readonly ConcurrentDictionary<(string PolicyId, int Generation), NamedState> _sharedState = new();

    private readonly ConcurrentDictionary<VmPolicyHandler, bool> _handlers = new();
    private volatile MasterMode _master;
    private volatile PolicyModes _modes = PolicyModes.AsWritten;
    private volatile bool _emitAllDecisions;
    private volatile ShadowBook? _shadow;

    public EngineServices(PolicyEngineOptions options, OutputPump output)
    {
        Time = options.TimeProvider;
        Output = output;
        _emitAllDecisions = options.EmitAllDecisions;
        Faults = options.Faults is { } faults ? new FaultPoints(faults) : null;
        StateDirectory = options.StateDirectory;
        GiveBackPatience = options.GiveBackPatience;
        MemoryCachePages = options.MemoryCachePages;
        HashSeed = options.HashSeed ?? (ulong)Random.Shared.NextInt64(long.MinValue, long.MaxValue);
        NanosecondsPerTick = 1e9 / Time.TimestampFrequency;
    }

    public TimeProvider Time { get; }

    public OutputPump Output { get; }

    /// <summary>True: harmless decisions are written too. Any thread writes it, handlers look at it with each decision.</summary>
    public bool EmitAllDecisions
    {
        get => _emitAllDecisions;
        set => _emitAllDecisions = value;
    }

    /// <summary>The switches of single policies. Any thread replaces the object, handlers compare the reference before each event.</summary>
    public PolicyModes Modes
    {
        get => _modes;
        set => _modes = value;
    }

    /// <summary>The generation that runs beside the live one; null for none. Any thread replaces it, handlers compare the reference after each event.</summary>
    public ShadowBook? Shadow
    {
        get => _shadow;
        set => _shadow = value;
    }

    /// <summary>The handlers of the VMs that are attached now, for whoever looks at them from outside.</summary>
    public ICollection<VmPolicyHandler> Handlers => _handlers.Keys;

    /// <summary>Where faults are injected; null for nowhere.</summary>
    public FaultPoints? Faults { get; }

    public string? StateDirectory { get; }

    public TimeSpan GiveBackPatience { get; }

    /// <summary>Pages that a VM's memory remembers during an event; 0 for none.</summary>
    public int MemoryCachePages { get; }

    /// <summary>The switch over all policies. Any thread writes it, handlers look at it before each event.</summary>
    public MasterMode Master
    {
        get => _master;
        set => _master = value;
    }

    public ulong HashSeed { get; }

    /// <summary>A VM is there.</summary>
    public void Add(VmPolicyHandler handler) => _handlers.TryAdd(handler, true);

    /// <summary>A VM is gone.</summary>
    public void Remove(VmPolicyHandler handler) => _handlers.TryRemove(handler, out _);

    public double NanosecondsPerTick { get; }

    /// <summary>State of scope "policy".</summary>
    /// <param name="policyId">The policy.</param>
    /// <param name="generation">The generation it belongs to; 0 when all generations share it.</param>
    public NamedState SharedState(string policyId, int generation) =>
        _sharedState.GetOrAdd((policyId, generation), _ => new NamedState(shared: true));

    /// <summary>Forgets the shared state of generations before this one.</summary>
    public void DropSharedStateBefore(int generation)
    {
        foreach (var key in _sharedState.Keys)
        {
            if (key.Generation != 0 && key.Generation < generation)
            {
                _sharedState.TryRemove(key, out _);
            }
        }
    }
}
