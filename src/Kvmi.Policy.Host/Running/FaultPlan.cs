using System.Globalization;
using Kvmi.Policy.Engine.Faults;
using Kvmi.Policy.Engine.Output;
using Kvmi.Policy.Host.Output.Records;
using Kvmi.Session.Faults;

namespace Kvmi.Policy.Host.Running;

/// <summary>The faults that a run injects: what engine and server get of them, and what is told about them.</summary>
internal sealed class FaultPlan
{
    private readonly SortedDictionary<FaultKind, FaultInjection> _faults = [];
    private readonly ulong _seed;

    public FaultPlan(IReadOnlyDictionary<FaultKind, double> rates, ulong seed)
    {
        _seed = seed;
        foreach (var (kind, rate) in rates)
        {
            _faults.Add(kind, new FaultInjection(FaultNames.Of(kind), rate, seed));
        }
    }

    public PolicyFaults ForPolicies => new()
    {
        Timeout = Find(FaultKind.Timeout),
        Exception = Find(FaultKind.Exception),
        OutOfMemory = Find(FaultKind.OutOfMemory),
        GarbageCollection = Find(FaultKind.GarbageCollection),
        FullQueue = Find(FaultKind.FullQueue),
    };

    public PeerFaults ForPeers => new() { LostPeer = Find(FaultKind.LostPeer), SlowPeer = Find(FaultKind.SlowPeer) };

    /// <summary>True when connections end on purpose, so that a simulated guest has to come back.</summary>
    public bool LosesPeers => _faults.ContainsKey(FaultKind.LostPeer);

    /// <summary>The kinds and their rates, for a sentence.</summary>
    public string Text => string.Join(
        ", ", _faults.Values.Select(fault => string.Create(CultureInfo.InvariantCulture, $"{fault.Name} at a rate of {fault.Rate}")));

    /// <summary>What the run announces before anything else.</summary>
    public StatusOutput Announce(DateTimeOffset now) => new()
    {
        Time = now,
        Status = "fault-injection",
        Message = string.Create(
            CultureInfo.InvariantCulture, $"FAULTS ARE INJECTED ON PURPOSE, as --inject says: {Text}; --inject-seed {_seed} repeats them. Guests are not well guarded meanwhile."),
        Fields = [new OutputField("seed", _seed), .. _faults.Values.Select(fault => new OutputField(fault.Name, fault.Rate))],
    };

    /// <summary>What came of it, for the summary.</summary>
    public FaultSummary Summary => new(_seed, [.. _faults.Values]);

    private FaultInjection? Find(FaultKind kind) => _faults.GetValueOrDefault(kind);
}
