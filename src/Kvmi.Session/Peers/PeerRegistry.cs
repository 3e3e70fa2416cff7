using Kvmi.Protocol.Handshake;
using Kvmi.Session.Vm;

namespace Kvmi.Session.Peers;

/// <summary>The peers of one server and the limits on their number. Any thread.</summary>
internal sealed class PeerRegistry
{
    // Bounds the memory against peers that invent VMs; what comes beyond counts as new each time.
    private const int MaxStartTimes = 4096;

    private readonly Lock _lock = new();
    private readonly List<PeerSession> _peers = [];
    private readonly Dictionary<PeerSession, VmStatus> _vms = [];
    private readonly Dictionary<(Guid Uuid, string Name), long> _startTimes = [];
    private readonly int _maxVms;
    private readonly int _maxHandshakes;

    // In the order in which they came, and those that were told to give way.
    private readonly List<PeerSession> _handshakes = [];
    private readonly List<PeerSession> _leaving = [];
    private bool _stopping;

    public PeerRegistry(int maxVms, int maxHandshakes)
    {
        _maxVms = maxVms;
        _maxHandshakes = maxHandshakes;
    }

    /// <summary>The attached VMs, in the order in which they came.</summary>
    public IReadOnlyList<VmStatus> Vms
    {
        get
        {
            lock (_lock)
            {
                return [.. _peers.Where(_vms.ContainsKey).Select(peer => _vms[peer])];
            }
        }
    }

    /// <summary>
    /// Takes a new peer in; its handshake counts until <see cref="HandshakeEnded"/>. Where all places are taken, the peer that has had its own for the longest
    /// time gives way, one without a hello first: a flood of peers that say nothing, or half of it, must not keep VMs out, and a VM needs milliseconds.
    /// </summary>
    /// <param name="peer">The peer.</param>
    /// <param name="leaving">The peer that has to be closed for it; null when there is room.</param>
    /// <returns>Null, or the reason why not.</returns>
    public string? TryAdd(PeerSession peer, out PeerSession? leaving)
    {
        lock (_lock)
        {
            leaving = null;
            if (_stopping)
            {
                return "the tool is stopping";
            }

            if (_handshakes.Count >= _maxHandshakes)
            {
                // Each of these still has its thread for a moment: the bound of all threads is twice the limit.
                if (_leaving.Count >= _maxHandshakes)
                {
                    return $"{_maxHandshakes} peers are in the handshake already";
                }

                leaving = _handshakes.Find(other => !other.HasSaidHello) ?? _handshakes[0];
                _handshakes.Remove(leaving);
                _leaving.Add(leaving);
            }

            _handshakes.Add(peer);
            _peers.Add(peer);
            return null;
        }
    }

    public void HandshakeEnded(PeerSession peer)
    {
        lock (_lock)
        {
            _ = _handshakes.Remove(peer) || _leaving.Remove(peer);
        }
    }

    /// <summary>
    /// Counts a peer as an attached VM. The same VM, by UUID and name, is attached once: an older connection is named, to be ended first.
    /// A VM without a UUID (QEMU sends zeros then) cannot be told from another one, so it may be attached any number of times; and a UUID
    /// that comes with two names belongs to two VMs, one of which was cloned.
    /// </summary>
    /// <param name="peer">The peer.</param>
    /// <param name="vm">Its VM.</param>
    /// <param name="older">The connection of the same VM that has to end first; null when there is none.</param>
    public AttachResult TryAttach(PeerSession peer, VmStatus vm, out PeerSession? older)
    {
        lock (_lock)
        {
            older = vm.Identity.Uuid == Guid.Empty
                ? null
                : _vms.FirstOrDefault(other => IsSame(other.Value.Identity, vm.Identity)).Key;
            if (older is not null)
            {
                return AttachResult.OlderConnection;
            }

            return _vms.Count < _maxVms && _vms.TryAdd(peer, vm) ? AttachResult.Attached : AttachResult.TooMany;
        }
    }

    /// <summary>True when another attached VM has the UUID of this one, under another name or none.</summary>
    public bool HasTwin(PeerSession peer, VmIdentity identity)
    {
        lock (_lock)
        {
            return _vms.Any(vm => vm.Key != peer && vm.Value.Identity.Uuid == identity.Uuid);
        }
    }

    /// <summary>Notes the start time of a VM and tells how it relates to the one noted before.</summary>
    public VmArrival Arrive(HelloRecord hello)
    {
        lock (_lock)
        {
            if (hello.Uuid == Guid.Empty)
            {
                return VmArrival.First;
            }

            var key = (hello.Uuid, hello.DisplayName);
            var isKnown = _startTimes.TryGetValue(key, out var before);
            if (isKnown || _startTimes.Count < MaxStartTimes)
            {
                _startTimes[key] = hello.StartTime;
            }

            return !isKnown ? VmArrival.First : before == hello.StartTime ? VmArrival.Again : VmArrival.AfterReset;
        }
    }

    public void Remove(PeerSession peer)
    {
        lock (_lock)
        {
            _peers.Remove(peer);
            _vms.Remove(peer);
        }
    }

    /// <summary>Takes no further peers, and gives those that are there.</summary>
    public PeerSession[] Stop()
    {
        lock (_lock)
        {
            _stopping = true;
            return [.. _peers];
        }
    }

    private static bool IsSame(VmIdentity one, VmIdentity other) => one.Uuid == other.Uuid && one.Name == other.Name;
}
