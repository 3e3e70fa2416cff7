namespace Kvmi.Session.Peers;

/// <summary>The peers of one server and the limits on their number. Any thread.</summary>
internal sealed class PeerRegistry
{
    private readonly Lock _lock = new();
    private readonly List<PeerSession> _peers = [];
    private readonly Dictionary<PeerSession, VmStatus> _vms = [];
    private readonly int _maxVms;
    private readonly int _maxHandshakes;
    private int _handshakes;
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

    /// <summary>Takes a new peer in; its handshake counts until <see cref="HandshakeEnded"/>.</summary>
    /// <returns>Null, or the reason why not.</returns>
    public string? TryAdd(PeerSession peer)
    {
        lock (_lock)
        {
            if (_stopping)
            {
                return "the tool is stopping";
            }

            if (_handshakes >= _maxHandshakes)
            {
                return $"{_maxHandshakes} peers are in the handshake already";
            }

            _handshakes++;
            _peers.Add(peer);
            return null;
        }
    }

    public void HandshakeEnded()
    {
        lock (_lock)
        {
            _handshakes--;
        }
    }

    /// <summary>Counts a peer as an attached VM.</summary>
    /// <param name="peer">The peer.</param>
    /// <param name="vm">Its VM.</param>
    /// <param name="older">Peer of a connection of the same VM that is still open; null when there is none.</param>
    /// <returns>False when there are too many.</returns>
    public bool TryAttach(PeerSession peer, VmStatus vm, out string? older)
    {
        lock (_lock)
        {
            older = _vms.Values.LastOrDefault(other => other.Identity.Uuid == vm.Identity.Uuid)?.Identity.Peer;
            return _vms.Count < _maxVms && _vms.TryAdd(peer, vm);
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
}
