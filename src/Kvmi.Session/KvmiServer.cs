using System.Globalization;
using System.Net;
using System.Net.Sockets;
using Kvmi.Protocol.Dialects;
using Kvmi.Protocol.Handshake;
using Kvmi.Session.Deadlines;
using Kvmi.Session.Detection;
using Kvmi.Session.Endpoints;
using Kvmi.Session.Latency;
using Kvmi.Session.Peers;
using Kvmi.Session.Placement;
using Kvmi.Session.Vm;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Logging.Abstractions;

namespace Kvmi.Session;

/// <summary>
/// The tool's end of KVMI: listens, shakes hands, detects the dialect and runs each VM on an owner thread of its own. Start
/// and stop it once; its members may be used by any thread.
/// </summary>
public sealed class KvmiServer : IAsyncDisposable
{
    private const int UserRefusalsLogged = 10;
    private static readonly TimeSpan AcceptWait = TimeSpan.FromMilliseconds(100);
    private static readonly TimeSpan AbortTimeout = TimeSpan.FromSeconds(2);

    private readonly KvmiServerOptions _options;
    private readonly PeerServices _services;
    private readonly PeerRegistry _registry;
    private readonly EventTotal _total = new();
    private readonly Watchdog _watchdog;
    private readonly TimeProvider _time;
    private readonly ILogger _log;
    private readonly List<EndpointListener> _listeners = [];
    private readonly List<Thread> _acceptors = [];
    private readonly Lock _lock = new();
    private readonly CancellationTokenSource _stopping = new();
    private Task? _stopped;
    private bool _started;
    private readonly PeerCredentialRule _users;
    private int _peerNumber;
    private long _usersRefused;

    /// <summary>Makes a server that does not listen yet.</summary>
    /// <param name="options">How it listens.</param>
    /// <param name="factory">Makes the handler of each VM.</param>
    /// <param name="logging">Where it logs.</param>
    /// <param name="time">Clock of all time limits.</param>
    /// <exception cref="ArgumentException">There is no endpoint, a limit is not positive, or this build does not speak the configured dialect.</exception>
    public KvmiServer(KvmiServerOptions options, IVmHandlerFactory factory, ILoggerFactory logging, TimeProvider time)
    {
        ArgumentNullException.ThrowIfNull(options);
        ArgumentNullException.ThrowIfNull(factory);
        ArgumentNullException.ThrowIfNull(logging);
        ArgumentNullException.ThrowIfNull(time);
        Check(options);
        _options = options;
        _users = new PeerCredentialRule(options.AllowedUsers);
        _time = time;
        _log = logging.CreateLogger<KvmiServer>();
        _watchdog = new Watchdog(
            new DeadlineLimits(options.EventTimeout, options.CallTimeout, options.MaxAbandonedThreads), time, _log,
            options.Placement.WatchdogPriority);
        _registry = new PeerRegistry(options.MaxVms, options.MaxHandshakes);
        _services = new PeerServices(
            options,
            Hash(options.CookieSecret.Span),
            factory,
            _registry,
            new RefusalLog(_log, time),
            new FirstIdMemory(),
            new VmConnectionSettings(options.CommandTimeout, time, _log, _total, _watchdog)
            {
                Faults = options.Faults,
                Latency = options.Latency,
                Placement = options.Placement,
                Spins = SpinBudget.For(Environment.ProcessorCount, options.Placement.Processors is { Count: > 0 and var count } ? count : null),
            });
    }

    /// <summary>Makes a server that does not listen yet, logs nothing and takes the system's clock.</summary>
    /// <param name="options">How it listens.</param>
    /// <param name="handlers">Makes the handler of each VM; called on the VM's owner thread.</param>
    /// <exception cref="ArgumentException">There is no endpoint, or a limit is not positive.</exception>
    public KvmiServer(KvmiServerOptions options, Func<IIntrospectedVm, IVmHandler> handlers)
        : this(options, new HandlerFunction(handlers ?? throw new ArgumentNullException(nameof(handlers))), NullLoggerFactory.Instance, TimeProvider.System)
    {
    }

    /// <summary>Where the server listens, in the order of the options; a TCP port 0 has become the real one. Empty before the start.</summary>
    public IReadOnlyList<KvmiEndpoint> Endpoints => [.. _listeners.Select(listener => listener.Endpoint)];

    /// <summary>The VMs that are attached now, in the order in which they came.</summary>
    public IReadOnlyList<VmStatus> Vms => _registry.Vms;

    /// <summary>What came of the deadlines of events since the start, on all VMs together.</summary>
    public DeadlineCounters Deadlines => _watchdog.Counters;

    /// <summary>True from the start to the stop while the thread that answers at deadlines runs: no event can be left without an answer.</summary>
    public bool IsGuarded => _watchdog.IsAlive && !_stopping.IsCancellationRequested;

    /// <summary>Events answered since the start, on all VMs together.</summary>
    public long EventsAnswered => _total.Count;

    /// <summary>Connections to Unix sockets that were closed at once, because their user may not connect (<see cref="KvmiServerOptions.AllowedUsers"/>).</summary>
    public long UsersRefused => Interlocked.Read(ref _usersRefused);

    /// <summary>Completes when that many events were answered since the start, on all VMs together.</summary>
    /// <param name="count">The total to wait for; it may be exceeded by the time the task completes.</param>
    /// <param name="cancellation">Ends the wait.</param>
    public Task WaitForEventsAsync(long count, CancellationToken cancellation = default) => _total.WaitAsync(count, cancellation);

    /// <summary>Opens every endpoint and starts to accept. On an exception nothing listens.</summary>
    /// <exception cref="KvmiEndpointException">The environment does not allow it; the message says why and what to do.</exception>
    /// <exception cref="ThreadPlacementException">The environment does not allow the threads' processors or priority.</exception>
    /// <exception cref="InvalidOperationException">It was started before.</exception>
    public void Start()
    {
        lock (_lock)
        {
            if (_started || _stopping.IsCancellationRequested)
            {
                throw new InvalidOperationException("A KvmiServer is started once.");
            }

            _started = true;
            _options.Placement.Verify();
            Open();
            _watchdog.Start();
            foreach (var listener in _listeners)
            {
                var thread = new Thread(() => AcceptPeers(listener)) { IsBackground = true, Name = $"kvmi-accept {listener.Endpoint}" };
                _acceptors.Add(thread);
                thread.Start();
                _log.Listening(listener.Endpoint.ToString());
                WarnOf(listener.Endpoint);
            }
        }
    }

    /// <summary>
    /// Stops listening, lets every VM answer what waits and detach, and closes. Takes at most the stop timeout and a little;
    /// what hangs longer is closed. Further calls give the same task.
    /// </summary>
    public Task StopAsync()
    {
        lock (_lock)
        {
            _stopping.Cancel();
            return _stopped ??= Task.Run(StopCoreAsync);
        }
    }

    /// <summary>Same as <see cref="StopAsync"/>.</summary>
    public async ValueTask DisposeAsync() => await StopAsync().ConfigureAwait(false);

    private static void Check(KvmiServerOptions options)
    {
        if (options.Endpoints is null or { Count: 0 })
        {
            throw new ArgumentException("At least one endpoint is needed.", nameof(options));
        }

        if (options.MaxVms < 1 || options.MaxHandshakes < 1 || options.MaxAbandonedThreads < 1)
        {
            throw new ArgumentException("The limits on VMs, handshakes and abandoned threads have to be at least 1.", nameof(options));
        }

        ReadOnlySpan<TimeSpan> limits =
            [options.HandshakeTimeout, options.CommandTimeout, options.EventTimeout, options.CallTimeout, options.StopTimeout];
        if (limits.ContainsAnyInRange(TimeSpan.MinValue, TimeSpan.Zero))
        {
            throw new ArgumentException("Every time limit has to be positive.", nameof(options));
        }

        if (options.Faults is { } faults && (faults.SlowPeerDelay <= TimeSpan.Zero || faults.SlowPeerDelay >= options.CommandTimeout))
        {
            throw new ArgumentException("A slow peer's delay has to be positive and below the limit of a command.", nameof(options));
        }

        if (options.Dialect is { } dialect && Dialect.Find(dialect) is null)
        {
            throw new ArgumentException(
                $"The dialect {Dialect.NameOf(dialect)} is not built in; this version speaks {DialectDetector.Spoken}.", nameof(options));
        }
    }

    private static byte[] Hash(ReadOnlySpan<byte> secret)
    {
        if (secret.IsEmpty)
        {
            return [];
        }

        var hash = new byte[CookieHash.Length];
        CookieHash.Compute(secret, hash);
        return hash;
    }

    private void Open()
    {
        try
        {
            foreach (var endpoint in _options.Endpoints)
            {
                if (!_options.AllowRemote && endpoint.Address is { } address && !IPAddress.IsLoopback(address))
                {
                    throw new KvmiEndpointException(
                        $"{endpoint} can be reached from other machines, and KVMI has no encryption. Allow remote peers explicitly (--allow-remote).");
                }

                _listeners.Add(EndpointListener.Open(endpoint, _options.SocketGroup));
            }
        }
        catch
        {
            _listeners.ForEach(listener => listener.Dispose());
            _listeners.Clear();
            throw;
        }
    }

    private string? HangRefusal => _watchdog.IsFull
        ? $"{_options.MaxAbandonedThreads} threads hang in handlers; restart the tool to be rid of them"
        : null;

    // What the sockets do not protect against is said once, at the start.
    private void WarnOf(KvmiEndpoint endpoint)
    {
        var text = endpoint.ToString();
        switch (endpoint.Kind)
        {
            case KvmiEndpointKind.Unix when SocketDirectory.IsShared(endpoint.Path!):
                _log.SharedSocketDirectory(text);
                break;
            case KvmiEndpointKind.Tcp when _options.CookieSecret.IsEmpty:
                _log.TcpWithoutCookie(text);
                break;
            case KvmiEndpointKind.Tcp or KvmiEndpointKind.Vsock:
                _log.NoCredentials(text, _options.CookieSecret.IsEmpty ? "none is set" : "one is set");
                break;
        }

        if (endpoint.Kind == KvmiEndpointKind.Unix && _options is { AllowedUsers.Count: > 0, SocketGroup: null })
        {
            _log.AllowedUsersCannotReach(text);
        }
    }

    private void AcceptPeers(EndpointListener listener)
    {
        var failing = false;
        while (!_stopping.IsCancellationRequested)
        {
            try
            {
                if (listener.Accept(AcceptWait) is { } socket)
                {
                    Take(socket, listener.Endpoint);
                }

                failing = false;
            }
            catch (Exception exception)
            {
                // No descriptors, no memory, a peer that left: the listener goes on, and a lasting failure is logged once.
                if (!failing)
                {
                    _log.AcceptFailed(exception, listener.Endpoint.ToString());
                }

                failing = true;
                _stopping.Token.WaitHandle.WaitOne(AcceptWait);
            }
        }
    }

    private void Take(Socket socket, KvmiEndpoint endpoint)
    {
        var number = Interlocked.Increment(ref _peerNumber);
        var peer = string.Create(CultureInfo.InvariantCulture, $"{endpoint} #{number}");
        PeerSession? session = null;
        var added = false;
        try
        {
            if (endpoint.Kind == KvmiEndpointKind.Unix && !_users.Admits(socket, out var who))
            {
                // A local user who connects in a loop shall not fill the log.
                var refused = Interlocked.Increment(ref _usersRefused);
                if (refused <= UserRefusalsLogged || long.IsPow2(refused))
                {
                    _log.UserRefused(peer, who.Process, who.User, who.Group, refused);
                }

                socket.Dispose();
                return;
            }

            session = new PeerSession(socket, peer, _services);
            PeerSession? leaving = null;
            if ((HangRefusal ?? _registry.TryAdd(session, out leaving)) is { } refusal)
            {
                _services.Refusals.Refused(peer, refusal);
                session.Dispose();
                return;
            }

            added = true;
            leaving?.GiveWay();
            session.Start(number);
        }
        catch
        {
            if (added)
            {
                _registry.HandshakeEnded(session!);
                _registry.Remove(session!);
            }

            socket.Dispose();
            throw;
        }
    }

    private async Task StopCoreAsync()
    {
        await StopPeersAsync().ConfigureAwait(false);

        _services.Refusals.Flush();

        // Last: until a VM has ended, its handler may hang.
        _watchdog.Dispose();
    }

    private async Task StopPeersAsync()
    {
        foreach (var thread in _acceptors)
        {
            thread.Join();
        }

        _listeners.ForEach(listener => listener.Dispose());
        var peers = _registry.Stop();
        foreach (var peer in peers)
        {
            peer.RequestStop();
        }

        if (await EndedAsync(peers, _options.StopTimeout).ConfigureAwait(false))
        {
            return;
        }

        _log.StopTooSlow(peers.Count(peer => !peer.Ended.IsCompleted), _options.StopTimeout.TotalSeconds);
        foreach (var peer in peers)
        {
            peer.Abort("detaching took too long");
        }

        if (!await EndedAsync(peers, AbortTimeout).ConfigureAwait(false))
        {
            _log.ThreadsLeftBehind(peers.Count(peer => !peer.Ended.IsCompleted));
        }
    }

    private async Task<bool> EndedAsync(PeerSession[] peers, TimeSpan limit)
    {
        try
        {
            await Task.WhenAll(peers.Select(peer => peer.Ended)).WaitAsync(limit, _time).ConfigureAwait(false);
            return true;
        }
        catch (TimeoutException)
        {
            return false;
        }
    }
}
