using System.Globalization;
using System.Net.Sockets;
using Kvmi.Protocol.Dialects;
using Kvmi.Protocol.Handshake;
using Kvmi.Session.Deadlines;
using Kvmi.Session.Detection;
using Kvmi.Session.Handshake;
using Kvmi.Session.Taps;
using Kvmi.Session.Transport;
using Kvmi.Session.Vm;

namespace Kvmi.Session.Peers;

/// <summary>One connection from accept to close, on a thread of its own: handshake, detection, then the VM.</summary>
internal sealed class PeerSession : IDisposable
{
    // Handlers run on this thread, and scripts of policies may recurse as deeply as it allows: not as deeply as the ulimit of whoever started
    // the host. Only what is used takes memory.
    private const int StackSize = 16 << 20;

    private readonly MessageChannel _channel;
    private readonly PeerServices _services;
    private readonly TaskCompletionSource _ended = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private readonly Lock _lock = new();
    private VmConnection? _connection;
    private int _number;
    private bool _stopRequested;
    private bool _isHandshakeOver;
    private volatile bool _hasGivenWay;
    private volatile bool _hasSaidHello;
    private DetachReason? _endReason;
    private string? _endDetail;

    public PeerSession(Socket socket, string peer, PeerServices services)
    {
        Peer = peer;
        _services = services;
        _channel = new MessageChannel(socket, services.Connection.CommandTimeout);
    }

    /// <summary>The connection, for messages: endpoint and running number.</summary>
    public string Peer { get; }

    /// <summary>The VM; null until it is attached.</summary>
    public VmStatus? Vm { get; private set; }

    /// <summary>True once its hello is complete. Any thread.</summary>
    public bool HasSaidHello => _hasSaidHello;

    /// <summary>Completes when the thread has ended.</summary>
    public Task Ended => _ended.Task;

    /// <summary>Starts the thread.</summary>
    public void Start(int number)
    {
        _number = number;
        Start(Run);
    }

    /// <summary>Asks the session to end in order; a peer that is not attached yet is closed at once. Any thread.</summary>
    public void RequestStop()
    {
        lock (_lock)
        {
            _stopRequested = true;
            if (_connection is { } connection)
            {
                connection.RequestStop();
            }
            else
            {
                _channel.Abort();
            }
        }
    }

    /// <summary>Ends the session at once. Any thread.</summary>
    /// <param name="why">Reason, for messages.</param>
    public void Abort(string why)
    {
        lock (_lock)
        {
            if (_connection is { } connection)
            {
                connection.Abort(why);
            }
            else
            {
                _channel.Abort();
            }
        }
    }

    /// <summary>Closes a peer in the handshake for one that came later. Any thread.</summary>
    public void GiveWay()
    {
        lock (_lock)
        {
            // It may have become a VM since it was chosen.
            if (!_isHandshakeOver)
            {
                _hasGivenWay = true;
                _channel.Abort();
            }
        }
    }

    /// <summary>Closes the connection of a session that was never started; a started one closes it itself.</summary>
    public void Dispose() => _channel.Dispose();

    private void Start(Action run)
    {
        var thread = new Thread(() => RunGuarded(run), StackSize)
        {
            IsBackground = true,
            Name = string.Create(CultureInfo.InvariantCulture, $"kvmi-vm-{_number}"),
        };
        thread.Start();
    }

    private void RunGuarded(Action run)
    {
        try
        {
            run();
        }
        catch (HandlerAbandonedException)
        {
            // Another thread goes on with this session and ends it.
            _connection?.Leave();
            return;
        }
        catch (Exception exception)
        {
            // The last line of a thread: whatever got here must end this connection and not the process.
            _services.Connection.Log.SessionFailed(exception, Peer);
        }

        _channel.Dispose();
        _services.Registry.Remove(this);
        Tap(tap => tap.Ended(_endReason, _endDetail));
        _ended.TrySetResult();
    }

    private void Run()
    {
        VmConnection connection;
        string dialect;
        OpenTap();
        try
        {
            (connection, dialect) = Attach();
        }
        catch (PeerRefusedException exception)
        {
            if (!IsStopping())
            {
                _services.Refusals.Refused(Peer, _hasGivenWay
                    ? $"{_services.Options.MaxHandshakes} peers are in the handshake already, and it was the slowest"
                    : exception.Message);
            }

            return;
        }
        finally
        {
            lock (_lock)
            {
                _isHandshakeOver = true;
            }

            _services.Registry.HandshakeEnded(this);
        }

        Serve(connection, dialect);
    }

    private (VmConnection Connection, string Dialect) Attach()
    {
        var time = _services.Connection.Time;
        var hello = HelloExchange.Run(_channel, _services.CookieHash.Span, time, _services.Options.HandshakeTimeout);
        _hasSaidHello = true;
        var requests = new RequestChannel(_channel, time, _services.Connection.CommandTimeout);
        var configured = _services.Options.Dialect is { } id ? Dialect.Find(id) : null;
        var (dialect, version) = new DialectDetector(requests, _services.FirstIds).Run(hello.Uuid, configured);
        _channel.MaxPayload = dialect.MaxPayload;
        var (capabilities, vcpus) = new CapabilityProbe(requests, dialect).Run(version, hello);
        var description = new VmDescription(Identify(hello), capabilities, vcpus);
        return (new VmConnection(_channel, dialect, requests.NextSequence, description, _services.Connection), dialect.Name);
    }

    private VmIdentity Identify(HelloRecord hello)
    {
        // The number is the peer's: beyond what a date can be it is no start time.
        DateTimeOffset? start = hello.StartTime > 0 && hello.StartTime <= DateTimeOffset.MaxValue.ToUnixTimeSeconds()
            ? DateTimeOffset.FromUnixTimeSeconds(hello.StartTime)
            : null;
        return new VmIdentity(hello.DisplayName, hello.Uuid, start, Peer) { Arrival = _services.Registry.Arrive(hello) };
    }

    private void Serve(VmConnection connection, string dialect)
    {
        var log = _services.Connection.Log;
        var status = new VmStatus(connection, dialect);
        Vm = status;
        if (!TryAttach(status))
        {
            return;
        }

        lock (_lock)
        {
            _connection = connection;
            if (_stopRequested)
            {
                return;
            }
        }

        if (_services.Registry.HasTwin(this, connection.Identity))
        {
            log.SameUuid(connection.Identity.Uuid, Peer, connection.Identity.Name);
        }

        if (connection.Identity.Arrival == VmArrival.AfterReset)
        {
            log.WasReset(connection.Identity.Name, Peer, connection.Identity.StartTime);
        }

        log.Attached(
            connection.Identity.Name, connection.Identity.Uuid, Peer, dialect, connection.VcpuCount, connection.Capabilities.Describe());
        var observer = _services.Options.Observer;
        Tap(tap => tap.Attached(status));
        Place();
        connection.StartSuccessor = () => Start(() =>
        {
            Place();
            End(connection, status, connection.Continue());
        });
        End(connection, status, connection.Run(_services.Factory, () => observer?.Connected(status)));
    }

    /// <summary>Moves the calling thread, the VM's owner from here on, to where the user wants it.</summary>
    private void Place()
    {
        if (_services.Connection.Placement.Try() is { } refusal)
        {
            _services.Connection.Log.NotPlaced(Peer, refusal);
        }
    }

    private void End(VmConnection connection, VmStatus status, DetachReason reason)
    {
        _services.Connection.Log.Detached(connection.Identity.Name, Peer, reason);
        _channel.Dispose();
        _services.Registry.Remove(this);
        (_endReason, _endDetail) = (reason, connection.Loss);
        if (_services.Options.Observer is { } observer)
        {
            connection.StartSuccessor = () => Start(connection.Retire);
            connection.Tell(() => observer.Disconnected(status, reason, connection.Loss));
        }

        connection.Close();
    }

    /// <summary>
    /// Takes the VM in. It has answered GET_VERSION, so a kernel is hooked to this connection, and a kernel hooks a VM once: an older
    /// connection of the same VM is dead, whether this side has noticed or not. It is ended first, with its handler told, so that
    /// the two never hold state of the same VM at once.
    /// </summary>
    private bool TryAttach(VmStatus status)
    {
        var log = _services.Connection.Log;
        var result = _services.Registry.TryAttach(this, status, out var older);
        if (result == AttachResult.OlderConnection)
        {
            log.ConnectedAgain(status.Identity.Uuid, Peer, older!.Peer);
            older.Abort("the VM has connected again");
            result = older.Ended.Wait(_services.Options.StopTimeout)
                ? _services.Registry.TryAttach(this, status, out older)
                : AttachResult.OlderConnection;
        }

        switch (result)
        {
            case AttachResult.Attached:
                return true;
            case AttachResult.TooMany:
                _services.Refusals.Refused(Peer, $"{_services.Options.MaxVms} VMs are attached already; raise the limit or stop one");
                return false;
            default:
                _services.Refusals.Refused(Peer, $"another connection of the same VM, {older!.Peer}, has not ended; its handler may not return");
                return false;
        }
    }

    private bool IsStopping()
    {
        lock (_lock)
        {
            return _stopRequested;
        }
    }

    private void OpenTap()
    {
        try
        {
            _channel.Tap = _services.Options.Taps?.Open(Peer);
        }
        catch (Exception exception)
        {
            _services.Connection.Log.ObserverFailed(exception, Peer);
        }
    }

    private void Tap(Action<IConversationTap> action)
    {
        if (_channel.Tap is not { } tap)
        {
            return;
        }

        try
        {
            action(tap);
        }
        catch (Exception exception)
        {
            _services.Connection.Log.ObserverFailed(exception, Peer);
        }
    }
}
