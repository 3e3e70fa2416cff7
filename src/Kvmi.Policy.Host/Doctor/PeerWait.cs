using System.Collections.Concurrent;
using System.Globalization;
using Kvmi.Policy.Host.CommandLine;
using Kvmi.Policy.Host.Doctor.Checks;
using Kvmi.Policy.Host.Output;
using Kvmi.Policy.Host.Running;
using Kvmi.Session;
using Kvmi.Session.Endpoints;
using Kvmi.Session.Vm;
using Microsoft.Extensions.Logging;

namespace Kvmi.Policy.Host.Doctor;

/// <summary>Listens until a VM is attached or the time is over, and says who came: for checking the configuration of a QEMU.</summary>
internal sealed class PeerWait : IVmObserver, ILoggerProvider
{
    private const string Name = "peer";
    private readonly DoctorRun _run;
    private readonly ConcurrentDictionary<string, bool> _told = new();
    private readonly TaskCompletionSource _attached = new(TaskCreationOptions.RunContinuationsAsynchronously);

    private PeerWait(DoctorRun run) => _run = run;

    /// <summary>Said instead of waiting when a check has failed.</summary>
    public static DoctorFinding Skipped { get; } =
        new(Name, DoctorStatus.Note, "Not waited for a VM, because a check above failed.", "Correct that first, then run doctor again.");

    /// <summary>Listens and waits.</summary>
    /// <param name="run">Gets the findings.</param>
    /// <param name="context">What was asked for.</param>
    /// <param name="listening">Told when the endpoints are open.</param>
    /// <param name="cancellation">Ends the wait.</param>
    public static async Task RunAsync(DoctorRun run, DoctorContext context, Action<string> listening, CancellationToken cancellation)
    {
        using var wait = new PeerWait(run);
        using var logging = LoggerFactory.Create(builder => builder.SetMinimumLevel(LogLevel.Warning).AddProvider(wait));
        var options = context.Options.Peers(new KvmiServerOptions
        {
            Endpoints = context.Options.Listen,
            Dialect = context.Options.Dialect,
            CookieSecret = CookieFile.Read(context.Options.CookieFile) ?? default,
            AllowRemote = context.Options.AllowRemote,
            Observer = wait,
        });
        await using var server = new KvmiServer(options, PassiveVms.Instance, logging, context.Time);
        try
        {
            server.Start();
        }
        catch (KvmiEndpointException exception)
        {
            run.Write(ListenCheck.Refused(exception.Message));
            run.Write(Skipped);
            return;
        }

        foreach (var endpoint in server.Endpoints)
        {
            run.Write(ListenCheck.Works(context, endpoint));
        }

        var limit = context.Options.Wait!.Value;
        listening(string.Create(CultureInfo.InvariantCulture, $"Listening on {string.Join(", ", server.Endpoints)} for at most {limit.TotalSeconds:0.###} s."));
        try
        {
            await wait._attached.Task.WaitAsync(limit, context.Time, cancellation).ConfigureAwait(false);
        }
        catch (TimeoutException)
        {
            run.Write(new DoctorFinding(Name, DoctorStatus.Failure,
                string.Create(CultureInfo.InvariantCulture, $"No VM was attached within {limit.TotalSeconds:0.###} s."),
                "Start QEMU with -chardev socket,id=c0,path=SOCKET,reconnect=10 -object introspection,id=kvmi,chardev=c0, with the socket that is listened on, as a user that may connect to it."));
        }
        catch (OperationCanceledException)
        {
            run.Write(new DoctorFinding(Name, DoctorStatus.Note, "The wait was ended before a VM was attached."));
        }

        await server.StopAsync().ConfigureAwait(false);
    }

    public void Connected(VmStatus vm)
    {
        _run.Write(new DoctorFinding(Name, DoctorStatus.Ok,
            $"{VmWatcher.NameOf(vm.Identity)} connected on {vm.Identity.Peer} and speaks {vm.Dialect}: {Words.Count(vm.VcpuCount, "vCPU")}, {vm.Capabilities.Describe()}.")
        {
            Fields =
            [
                new("peer", vm.Identity.Peer),
                new("name", vm.Identity.Name),
                new("startTime", vm.Identity.StartTime?.ToString("O", CultureInfo.InvariantCulture)),
                new("features", vm.Capabilities.Features),
                .. VmWatcher.FieldsOf(vm),
            ],
        });
        _attached.TrySetResult();
    }

    public void Disconnected(VmStatus vm, DetachReason reason, string? detail)
    {
        if (reason is DetachReason.PeerLost or DetachReason.ProtocolError)
        {
            _run.Write(new DoctorFinding(Name, DoctorStatus.Warning, $"{VmWatcher.NameOf(vm.Identity)} went away: {detail ?? "the connection was lost"}.",
                "Look at the log of QEMU and of the host's kernel."));
        }
    }

    public ILogger CreateLogger(string categoryName) => new WarningLogger(this);

    public void Dispose()
    {
    }

    /// <summary>What the session warns of while we wait is what is wrong with the peer.</summary>
    private void Warn(string message)
    {
        // A device manager that is refused comes again and again; each distinct complaint is told once.
        if (_told.Count < 100 && _told.TryAdd(message, true))
        {
            _run.Write(new DoctorFinding(Name, DoctorStatus.Warning, message, "Correct it on the peer's side; the wait goes on."));
        }
    }

    private sealed class WarningLogger(PeerWait owner) : ILogger
    {
        public IDisposable? BeginScope<TState>(TState state)
            where TState : notnull => null;

        public bool IsEnabled(LogLevel logLevel) => logLevel >= LogLevel.Warning;

        public void Log<TState>(LogLevel logLevel, EventId eventId, TState state, Exception? exception, Func<TState, Exception?, string> formatter)
        {
            if (IsEnabled(logLevel))
            {
                owner.Warn(formatter(state, exception));
            }
        }
    }
}
