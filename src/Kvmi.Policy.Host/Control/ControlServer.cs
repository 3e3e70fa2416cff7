using System.Net;
using System.Net.Sockets;
using Kvmi.Policy.Host.CommandLine;
using Kvmi.Policy.Host.Metrics;
using Kvmi.Session.Endpoints;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Connections;
using Microsoft.AspNetCore.Connections.Features;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Server.Kestrel.Core;
using Microsoft.AspNetCore.Server.Kestrel.Transport.Sockets;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;

namespace Kvmi.Policy.Host.Control;

/// <summary>
/// The HTTP server of a run: control over a Unix socket, metrics and health over TCP when asked for. The sockets are opened first, so that a
/// path in use is told before policies are loaded; who connects meanwhile waits. Requests run on the thread pool, VMs on threads of their own.
/// </summary>
internal sealed class ControlServer : IAsyncDisposable
{
    private const int MaxConnections = 64;
    private const int MaxBodyBytes = 16 * 1024;
    private static readonly TimeSpan HeaderLimit = TimeSpan.FromSeconds(10);
    private static readonly TimeSpan StopLimit = TimeSpan.FromSeconds(2);

    private readonly ListeningSocket? _control;
    private readonly ListeningSocket? _metrics;
    private readonly ILoggerFactory _logging;
    private readonly ILogger _logger;
    private Task<WebApplication>? _started;
    private HostView? _host;
    private bool _disposed;

    private ControlServer(ListeningSocket? control, ListeningSocket? metrics, ILoggerFactory logging)
    {
        _control = control;
        _metrics = metrics;
        _logging = logging;
        _logger = logging.CreateLogger("Kvmi.Policy.Host");
    }

    /// <summary>Where the control socket is; null when there is none.</summary>
    public string? Path => _control?.Endpoint.Path;

    /// <summary>Where metrics are served over TCP; null for nowhere.</summary>
    public KvmiEndpoint? Metrics => _metrics?.Endpoint;

    /// <summary>Opens the sockets that were asked for.</summary>
    /// <exception cref="KvmiEndpointException">One cannot be had.</exception>
    /// <exception cref="HostEnvironmentException">The folder of the default socket cannot be made.</exception>
    public static ControlServer Open(ControlSettings settings, ILoggerFactory logging)
    {
        var control = OpenControl(settings, logging.CreateLogger("Kvmi.Policy.Host"));
        try
        {
            return new ControlServer(control, settings.Metrics is { } endpoint ? ListeningSocket.Open(endpoint) : null, logging);
        }
        catch
        {
            control?.Dispose();
            throw;
        }
    }

    /// <summary>Begins to serve, without making the caller wait for it.</summary>
    public void Start(HostView host)
    {
        _host = host;
        if (_control is not null || _metrics is not null)
        {
            _started = Task.Run(() => StartAsync(host));
        }
    }

    /// <summary>Ends what is being answered, at the latest after two seconds, and removes the socket. May be called again.</summary>
    public async ValueTask DisposeAsync()
    {
        if (_disposed)
        {
            return;
        }

        _disposed = true;
        _host?.Feed.End();
        if (_started is not null)
        {
            try
            {
                var application = await _started.ConfigureAwait(false);
                using var limit = new CancellationTokenSource(StopLimit);
                await application.StopAsync(limit.Token).ConfigureAwait(false);
                await application.DisposeAsync().ConfigureAwait(false);
            }
            catch (Exception exception) when (exception is OperationCanceledException or IOException or InvalidOperationException)
            {
                LogMessages.ControlFailed(_logger, exception);
            }
        }

        _control?.Dispose();
        _metrics?.Dispose();
    }

    private static ListeningSocket? OpenControl(ControlSettings settings, ILogger logger)
    {
        if (settings.Path is not { } path)
        {
            return null;
        }

        try
        {
            if (settings.IsDefault)
            {
                ControlPath.PrepareFolder(path);
            }

            return ListeningSocket.Open(KvmiEndpoint.Parse($"unix:{path}"));
        }
        catch (Exception exception) when (settings.IsDefault && exception is KvmiEndpointException or HostEnvironmentException or FormatException)
        {
            // Nobody asked for it: a second run beside the first must not fail, and must not take its socket.
            LogMessages.NoControlSocket(logger, exception.Message);
            return null;
        }
    }

    private async Task<WebApplication> StartAsync(HostView host)
    {
        var builder = WebApplication.CreateEmptyBuilder(new WebApplicationOptions { ApplicationName = "kvmi-policy" });
        builder.Services.AddSingleton(_logging);
        builder.Services.AddSingleton<IHostLifetime>(new NoLifetime());
        builder.Services.AddRoutingCore();
        builder.Services.Configure<SocketTransportOptions>(options =>
        {
            options.IOQueueCount = 1;
            options.CreateBoundListenSocket = SocketOf;
        });
        builder.WebHost.UseKestrelCore().ConfigureKestrel(Configure);
        var application = builder.Build();
        try
        {
            application.Use(RefuseElsewhere);
            ControlRoutes.Map(application, host, new PrometheusPage(new MetricCatalogue(host)));
            await application.StartAsync().ConfigureAwait(false);
            return application;
        }
        catch
        {
            await application.DisposeAsync().ConfigureAwait(false);
            throw;
        }
    }

    private void Configure(KestrelServerOptions options)
    {
        options.AddServerHeader = false;
        options.Limits.MaxConcurrentConnections = MaxConnections;
        options.Limits.MaxConcurrentUpgradedConnections = 0;
        options.Limits.MaxRequestBodySize = MaxBodyBytes;
        options.Limits.MaxRequestHeadersTotalSize = 8 * 1024;
        options.Limits.MaxRequestHeaderCount = 32;
        options.Limits.MaxRequestLineSize = 4 * 1024;
        options.Limits.RequestHeadersTimeout = HeaderLimit;
        if (_control is { } control)
        {
            options.ListenUnixSocket(control.Endpoint.Path!, listen =>
            {
                listen.Protocols = HttpProtocols.Http1;
                listen.Use(CheckPeer);
            });
        }

        if (_metrics is { } metrics)
        {
            options.Listen(new IPEndPoint(metrics.Endpoint.Address!, (int)metrics.Endpoint.Port), listen => listen.Protocols = HttpProtocols.Http1);
        }
    }

    private Socket SocketOf(EndPoint endpoint) => (endpoint is UnixDomainSocketEndPoint ? _control : _metrics)!.Socket;

    private ConnectionDelegate CheckPeer(ConnectionDelegate next) => connection =>
    {
        var user = connection.Features.Get<IConnectionSocketFeature>() is { Socket: var socket } ? PeerCheck.UserOf(socket) : null;
        if (PeerCheck.IsAllowed(user))
        {
            return next(connection);
        }

        // Logged once: whoever knocks may knock often.
        if (_host!.CountRefusedPeer() == 1)
        {
            LogMessages.ControlPeerRefused(_logger, user?.ToString(System.Globalization.CultureInfo.InvariantCulture) ?? "unknown");
        }

        connection.Abort(new ConnectionAbortedException("The peer is another user."));
        return Task.CompletedTask;
    };

    /// <summary>Over TCP there is only what may be read by everybody on this machine.</summary>
    private Task RefuseElsewhere(Microsoft.AspNetCore.Http.HttpContext context, Microsoft.AspNetCore.Http.RequestDelegate next)
    {
        var isUnix = context.Features.Get<IConnectionSocketFeature>()?.Socket.AddressFamily == AddressFamily.Unix;
        return isUnix || ControlRoutes.IsPublic(context.Request.Path)
            ? next(context)
            : ControlRoutes.ProblemAsync(context, 404, "Not found", "Over TCP there are /metrics, /healthz and /readyz; the rest is on the control socket.");
    }

    /// <summary>Signals are the run's own.</summary>
    private sealed class NoLifetime : IHostLifetime
    {
        public Task StopAsync(CancellationToken cancellationToken) => Task.CompletedTask;

        public Task WaitForStartAsync(CancellationToken cancellationToken) => Task.CompletedTask;
    }
}
