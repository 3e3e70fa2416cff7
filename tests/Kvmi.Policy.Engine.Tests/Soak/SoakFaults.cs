using Kvmi.Policy.Engine.Faults;
using Kvmi.Session.Faults;

namespace Kvmi.Policy.Engine.Tests.Soak;

/// <summary>Every kind of fault that <c>run --inject</c> offers, now and then.</summary>
internal sealed class SoakFaults
{
    private readonly List<FaultInjection> _all = [];

    public SoakFaults(int seed)
    {
        FaultInjection Make(string name, double rate)
        {
            var fault = new FaultInjection(name, rate, (ulong)seed);
            _all.Add(fault);
            return fault;
        }

        Policies = new PolicyFaults
        {
            Timeout = Make("timeout", 0.001),
            Exception = Make("exception", 0.005),
            OutOfMemory = Make("oom", 0.002),
            GarbageCollection = Make("gc", 0.001),
            FullQueue = Make("full-queue", 0.01),
        };
        Peers = new PeerFaults
        {
            LostPeer = Make("lost-peer", 0.0005),
            SlowPeer = Make("slow-peer", 0.002),
            SlowPeerDelay = TimeSpan.FromMilliseconds(30),
        };
    }

    public PolicyFaults Policies { get; }

    public PeerFaults Peers { get; }

    /// <summary>How often each happened.</summary>
    public IEnumerable<(string Name, long Count)> Happened => _all.Select(fault => (fault.Name, fault.Injected));
}
