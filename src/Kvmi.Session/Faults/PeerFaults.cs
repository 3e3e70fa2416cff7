namespace Kvmi.Session.Faults;

/// <summary>Faults of peers that a server injects on purpose, on VMs that are attached. What is null does not happen.</summary>
public sealed record PeerFaults
{
    /// <summary>The connection ends as if the peer had died. Opportunity: a message taken from the peer, an event or the answer to a command.</summary>
    public FaultInjection? LostPeer { get; init; }

    /// <summary>The answer to a command comes late. Opportunity: a wait for such an answer.</summary>
    public FaultInjection? SlowPeer { get; init; }

    /// <summary>How late, by the server's clock. Below <see cref="KvmiServerOptions.CommandTimeout"/>, so that the connection survives.</summary>
    public TimeSpan SlowPeerDelay { get; init; } = TimeSpan.FromMilliseconds(200);
}
