using System.Globalization;
using Kvmi.Policy.Engine;
using Kvmi.Policy.Engine.Output;
using Kvmi.Policy.Host.CommandLine;
using Kvmi.Policy.Host.Control;
using Kvmi.Policy.Host.Metrics;
using Kvmi.Policy.Host.Output;
using Kvmi.Policy.Host.Output.Records;
using Kvmi.Policy.Host.Sinks;
using Kvmi.Policy.Host.Recording;
using Kvmi.Policy.Host.Watching;
using Kvmi.Session;
using Kvmi.Session.Endpoints;
using Kvmi.Simulator;
using Microsoft.Extensions.Logging;

namespace Kvmi.Policy.Host.Running;

/// <summary>
/// One run: policies, engine, server, reloads and maybe a simulated guest, started in this order and ended in the reverse one, so
/// that every waiting vCPU is answered by live policies.
/// </summary>
internal sealed class PolicyHost
{
    private const int ShownKeys = 20;

    private readonly VerbContext _context;
    private readonly RunOptions _options;
    private readonly ResultWriter _results;
    private readonly ILogger _logger;
    private readonly VmWatcher _watcher;

    private PolicyHost(VerbContext context, RunOptions options)
    {
        _context = context;
        _options = options;
        _results = context.Results;
        _logger = context.LoggerFactory.CreateLogger("Kvmi.Policy.Host");
        _watcher = new VmWatcher(_results);
    }

    /// <summary>Runs to the end.</summary>
    /// <returns>The exit code.</returns>
    public static async Task<int> RunAsync(VerbContext context, RunOptions options)
    {
        var host = new PolicyHost(context, options);
        using var shutdown = new ShutdownSignal(host._watcher.DescribeAbandoned);

        // Disposed last: no thread of a VM and no step of the end may wait for whoever reads stdout.
        using var output = context.Results.WriteInBackground();
        return await host.RunAsync(shutdown).ConfigureAwait(false);
    }

    private async Task<int> RunAsync(ShutdownSignal shutdown)
    {
        var started = _context.Time.GetTimestamp();
        await using var control = ControlServer.Open(_options.Control, _context.LoggerFactory);
        using var sinks = SinkSet.Open(_options.Sinks, _context.Time, _results.Write);
        var feed = new RecordFeed(_results) { Sinks = sinks };
        if (_options.Faults is { } faults)
        {
            LogMessages.FaultsInjected(_logger, faults.Text);
            _results.Write(faults.Announce(_results.Now));
        }

        using var engine = new PolicyEngine(new PolicyEngineOptions
        {
            Output = feed,
            TimeProvider = _context.Time,
            Logger = _logger,
            StateDirectory = _options.State,
            Faults = _options.Faults?.ForPolicies,
            MemoryCachePages = _options.MemoryCachePages,
        });
        using var recording = RunRecording.Begin(_context, _options.Record, _logger);
        using var master = new MasterSignals(
            engine, _options.Master, mode => Status("master-mode", $"The switch over all policies is now: {Words.CamelCase(mode.ToString())}."));
        var policies = await LivePolicies.StartAsync(_context, _options, engine, recording).ConfigureAwait(false);
        if (policies is null)
        {
            return ExitCode.Failure;
        }

        _options.OneLiners.Announce(_results, _options.Mode);
        await using var reloading = policies.ConfigureAwait(false);
        using var simulated = _options.Scenario is { } scenario ? new SimulatedGuest(_context, _options, scenario) : null;
        await using var server = new KvmiServer(recording.Tap(ServerOptions(simulated?.Endpoint)), recording.Handlers(engine), _context.LoggerFactory, _context.Time);
        server.Start();
        using var view = new HostView(engine, server, policies, feed, _options.Mode, _context.Time);
        using var meter = new PolicyMeter(view);
        using var otlp = OtlpExport.Create(_options.Control.Otlp);
        shutdown.Reload = () => Reload(policies);
        control.Start(view);
        Status("listening", $"Listening on {string.Join(", ", server.Endpoints)}.");
        TellControl(control);
        await using var watch = WatchProgress.Start(_options.Watch, engine, _context);
        simulated?.Start();

        var end = await WaitAsync(server, simulated, shutdown.Token).ConfigureAwait(false);
        LogMessages.Ending(_logger, end);
        if (end != RunEnd.Scenario)
        {
            Status("ending", $"Ending by {Words.CamelCase(end.ToString())}: answering what waits, giving back what was taken.");
        }

        // Too late for new policies, and no reason to end at once.
        shutdown.Reload = static () => { };

        // Who asks is answered while everything still is as it was.
        await control.DisposeAsync().ConfigureAwait(false);

        // The guest is asked first: it unhooks in order, as QEMU does; whoever hangs is closed by the server's own limit.
        var result = simulated is null ? null : await simulated.EndAsync().ConfigureAwait(false);
        await server.StopAsync().ConfigureAwait(false);
        recording.Dispose();
        await policies.DisposeAsync().ConfigureAwait(false);
        engine.CloseAlertWindows();
        if (result is { End: SimulationEnd.Limit })
        {
            end = _options.Events is null ? RunEnd.Duration : RunEnd.Events;
        }

        if (watch is not null)
        {
            await watch.DisposeAsync().ConfigureAwait(false);
        }

        Summarise(engine, server, policies, result, end, started);

        // Last, because the summary goes to the sinks too.
        sinks.End().ToList().ForEach(_results.Write);
        return result is null or { EndedAsWritten: true } || end == RunEnd.Signal ? ExitCode.Fine : ExitCode.Failure;
    }

    private KvmiServerOptions ServerOptions(KvmiEndpoint? own) => _options.Server.Aggregate(new KvmiServerOptions
    {
        Endpoints = own is null ? _options.Endpoints : [own, .. _options.Endpoints],
        Dialect = _options.Dialect,
        CookieSecret = _options.Cookie ?? default,
        AllowRemote = _options.AllowRemote,
        Faults = _options.Faults?.ForPeers,
        Observer = _watcher,
    }, static (options, add) => add(options));

    private void Reload(LivePolicies policies) =>
        _ = policies.ReloadAsync().ContinueWith(
            reload => LogMessages.ReloadSignalFailed(_logger, new OperationCanceledException("The run is ending.", reload.Exception)),
            CancellationToken.None,
            TaskContinuationOptions.NotOnRanToCompletion,
            TaskScheduler.Default);

    private async Task<RunEnd> WaitAsync(KvmiServer server, SimulatedGuest? simulated, CancellationToken shutdown)
    {
        using var waiting = CancellationTokenSource.CreateLinkedTokenSource(shutdown);
        List<(RunEnd End, Task Task)> ends = [(RunEnd.Signal, Task.Delay(Timeout.InfiniteTimeSpan, _context.Time, waiting.Token))];
        if (simulated is not null)
        {
            ends.Add((RunEnd.Scenario, simulated.Completion));
        }

        // Limits of a simulated guest are its own, so that it ends in order.
        if (simulated is null && _options.Events is { } events)
        {
            ends.Add((RunEnd.Events, server.WaitForEventsAsync(events, waiting.Token)));
        }

        if (simulated is null && _options.Duration is { } duration)
        {
            ends.Add((RunEnd.Duration, Task.Delay(duration, _context.Time, waiting.Token)));
        }

        var first = await Task.WhenAny(ends.Select(end => end.Task)).ConfigureAwait(false);
        var reason = shutdown.IsCancellationRequested ? RunEnd.Signal : ends.Find(end => end.Task == first).End;
        await waiting.CancelAsync().ConfigureAwait(false);
        return reason;
    }

    private void Summarise(
        PolicyEngine engine, KvmiServer server, LivePolicies policies, SimulationResult? result, RunEnd end, long started)
    {
        var summary = engine.GetSummary();
        foreach (var policy in summary.Policies)
        {
            _results.Write(new PolicySummaryOutput { Time = _results.Now, Summary = policy });
        }

        foreach (var counts in engine.GetCounts(_options.Watch?.Top ?? ShownKeys))
        {
            _results.Write(new CountsOutput { Time = _results.Now, Vm = counts.Vm, Summary = counts });
        }

        if (result is not null && _options.Watch is null)
        {
            _results.Write(new SimulationSummaryOutput { Time = _results.Now, Result = result });
        }

        _results.Write(new RunSummaryOutput
        {
            Time = _results.Now,
            Vms = _watcher.Attached,
            Events = server.EventsAnswered,
            Alerts = summary.Alerts,
            LostOutput = summary.LostOutput,
            Reloads = policies.Reloads,
            FailedReloads = policies.FailedReloads,
            Deadlines = policies.WithHungConstructors(server.Deadlines),
            Memory = MemoryOutput.Now(),
            Faults = _options.Faults?.Summary,
            Workers = policies.Workers,
            RefusedPeers = server.UsersRefused,
            Elapsed = _context.Time.GetElapsedTime(started),
            End = Words.CamelCase(end.ToString()),
        });
    }

    private void TellControl(ControlServer control)
    {
        if (control.Path is { } path)
        {
            Status("control", $"Control socket: {path}.");
        }

        if (control.Metrics is { } metrics)
        {
            Status("metrics", $"Metrics on http://{metrics.Address}:{metrics.Port}/metrics.");
        }
    }

    private void Status(string status, FormattableString message) =>
        _results.Write(new StatusOutput { Time = _results.Now, Status = status, Message = message.ToString(CultureInfo.InvariantCulture) });
}
