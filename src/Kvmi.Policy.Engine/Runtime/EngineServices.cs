using System.Collections.Concurrent;
using Kvmi.Policy.Engine.Faults;
using Kvmi.Policy.Engine.Model;
using Kvmi.Policy.Engine.Output;
using Kvmi.Policy.Engine.Runtime.State;

namespace Kvmi.Policy.Engine.Runtime;

/// <summary>What the handlers of all VMs share.</summary>
internal sealed class EngineServices
{
    private readonly ConcurrentDictionary<(string PolicyId, int Generation), NamedState> _sharedState = new();

    private volatile MasterMode _master;

    public EngineServices(PolicyEngineOptions options, OutputPump output)
    {
        Time = options.TimeProvider;
        Output = output;
        EmitAllDecisions = options.EmitAllDecisions;
        Faults = options.Faults is { } faults ? new FaultPoints(faults) : null;
        StateDirectory = options.StateDirectory;
        GiveBackPatience = options.GiveBackPatience;
        HashSeed = options.HashSeed ?? (ulong)Random.Shared.NextInt64(long.MinValue, long.MaxValue);
        NanosecondsPerTick = 1e9 / Time.TimestampFrequency;
    }

    public TimeProvider Time { get; }

    public OutputPump Output { get; }

    /// <summary>Where faults are injected; null for nowhere.</summary>
    public FaultPoints? Faults { get; }

    public bool EmitAllDecisions { get; }

    public string? StateDirectory { get; }

    public TimeSpan GiveBackPatience { get; }

    /// <summary>The switch over all policies. Any thread writes it, handlers look at it before each event.</summary>
    public MasterMode Master
    {
        get => _master;
        set => _master = value;
    }

    public ulong HashSeed { get; }

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
