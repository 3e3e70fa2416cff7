using Kvmi.Policy.Host.CommandLine;
using Kvmi.Protocol;
using Kvmi.Session.Endpoints;
using Kvmi.Simulator;

namespace Kvmi.Policy.Host.Running;

/// <summary>The simulated guest of <c>run --simulate</c>: it connects to a socket of this very process, in a directory that nobody else can enter.</summary>
internal sealed class SimulatedGuest : IDisposable
{
    private static readonly TimeSpan SettleTime = TimeSpan.FromMilliseconds(500);
    private static readonly TimeSpan ReconnectPause = TimeSpan.FromMilliseconds(100);
    private readonly PrivateDirectory _directory = new();
    private readonly CancellationTokenSource _stop = new();
    private readonly SimulatorOptions _options;
    private Task<SimulationResult>? _run;

    public SimulatedGuest(VerbContext context, RunOptions options, string scenario)
    {
        Endpoint = KvmiEndpoint.Parse($"unix:{Path.Combine(_directory.Path, "kvmi.sock")}");
        var dialect = options.SimulatedDialect ?? options.Dialect ?? KvmiDialect.V7;
        _options = new SimulatorOptions
        {
            Endpoint = Endpoint.ToString(),
            Scenario = scenario,
            Dialect = dialect,
            Vcpus = options.Vcpus,
            Seed = options.Seed,

            // A detecting host finds rfc-v5 with the second connection of a VM only (kvmi-later-dialects.md 1.7, 5), and a peer that is
            // lost on purpose shall be seen to come back.
            Reconnect = options.Reconnect
                ?? ((dialect == KvmiDialect.RfcV5 && options.Dialect is null) || options.Faults is { LosesPeers: true } ? ReconnectPause : null),
            Cookie = options.Cookie,

            // The limits are the guest's, so that it ends its life in order and its last event is answered like the first.
            MaxEvents = options.Events,
            MaxDuration = options.Duration,

            // The policies of this process are compiled already, but their first run is not: the scenario waits for the last of them.
            Settle = SettleTime,
            TimeProvider = context.Time,
            LoggerFactory = context.LoggerFactory,
        };
    }

    /// <summary>Where the server must listen for it.</summary>
    public KvmiEndpoint Endpoint { get; }

    /// <summary>Completes when the guest has ended.</summary>
    public Task Completion => _run ?? Task.CompletedTask;

    /// <summary>Starts the guest.</summary>
    public void Start() => _run = Task.Run(() => Simulation.RunAsync(_options, _stop.Token));

    /// <summary>Ends the guest in order if it still runs.</summary>
    /// <returns>What became of it.</returns>
    public async Task<SimulationResult> EndAsync()
    {
        await _stop.CancelAsync().ConfigureAwait(false);
        return await _run!.ConfigureAwait(false);
    }

    public void Dispose()
    {
        _stop.Dispose();
        _directory.Dispose();
    }
}
