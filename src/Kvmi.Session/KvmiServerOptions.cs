using Kvmi.Protocol;
using Kvmi.Session.Endpoints;
using Kvmi.Session.Faults;
using Kvmi.Session.Latency;
using Kvmi.Session.Placement;
using Kvmi.Session.Taps;

namespace Kvmi.Session;

/// <summary>How a <see cref="KvmiServer"/> listens and what it puts up with.</summary>
public sealed record KvmiServerOptions
{
    /// <summary>Where to listen; at least one. Made with <see cref="KvmiEndpoint.Parse"/>, which refuses remote TCP addresses unless allowed.</summary>
    public required IReadOnlyList<KvmiEndpoint> Endpoints { get; init; }

    /// <summary>The dialect of every peer; null to detect it for each connection.</summary>
    public KvmiDialect? Dialect { get; init; }

    /// <summary>The secret that QEMU shares with the tool, exactly its bytes; empty when there is none.</summary>
    public ReadOnlyMemory<byte> CookieSecret { get; init; }

    /// <summary>How long a peer may take for its hello. QEMU itself waits 10 s for the answer (kvmi-later-dialects.md 2.3).</summary>
    public TimeSpan HandshakeTimeout { get; init; } = TimeSpan.FromSeconds(10);

    /// <summary>How long the answer to one command may take before the connection is given up.</summary>
    public TimeSpan CommandTimeout { get; init; } = TimeSpan.FromSeconds(5);

    /// <summary>How long one event may take from its delivery to the handler to its answer; then it is answered without the handler.</summary>
    public TimeSpan EventTimeout { get; init; } = TimeSpan.FromMilliseconds(500);

    /// <summary>How long a call of the handler that is not about an event may take before its thread is given up.</summary>
    public TimeSpan CallTimeout { get; init; } = TimeSpan.FromSeconds(5);

    /// <summary>
    /// Threads that may hang in handlers at once, on all VMs together. When there are as many, a VM whose handler hangs is detached and no
    /// further VM is taken in.
    /// </summary>
    public int MaxAbandonedThreads { get; init; } = 64;

    /// <summary>How long <see cref="KvmiServer.StopAsync"/> lets the VMs detach before it closes their connections.</summary>
    public TimeSpan StopTimeout { get; init; } = TimeSpan.FromSeconds(10);

    /// <summary>
    /// Listen on TCP addresses that other machines can reach. Checked again at the start, so that an endpoint which was parsed
    /// elsewhere cannot slip through.
    /// </summary>
    public bool AllowRemote { get; init; }

    /// <summary>
    /// Users that may connect to a Unix socket besides root and the user of this process. The kernel says who connects (SO_PEERCRED); anybody
    /// else is closed before a byte is read. vsock and TCP have no such credentials, and this is not asked there.
    /// </summary>
    public IReadOnlyCollection<uint> AllowedUsers { get; init; } = [];

    /// <summary>
    /// Group of the Unix sockets, which then have mode 0660; null for mode 0600. Needed besides <see cref="AllowedUsers"/> when the device
    /// manager runs as another user than root, because the file lets nobody else in.
    /// </summary>
    public uint? SocketGroup { get; init; }

    /// <summary>Largest number of attached VMs; further peers are closed with a warning.</summary>
    public int MaxVms { get; init; } = 256;

    /// <summary>
    /// Largest number of peers in handshake or detection at the same time. For a further one the slowest is closed with a warning, first among those whose
    /// hello is not complete: peers that say nothing keep no VM out. It is also the largest number of those that are just being closed.
    /// </summary>
    public int MaxHandshakes { get; init; } = 64;

    /// <summary>Faults of peers that are injected on purpose, to see that policies survive them; null for none.</summary>
    public PeerFaults? Faults { get; init; }

    /// <summary>How the VMs' threads wait for bytes.</summary>
    public LatencyMode Latency { get; init; }

    /// <summary>Processors and priority of the VMs' threads.</summary>
    public ThreadPlacement Placement { get; init; } = ThreadPlacement.Anywhere;

    /// <summary>Is told when VMs come and go; may be null.</summary>
    public IVmObserver? Observer { get; init; }

    /// <summary>Looks on at every conversation, byte for byte; null for nobody. A tap that cannot be opened is logged, and its peer is served all the same.</summary>
    public IConversationTaps? Taps { get; init; }
}
