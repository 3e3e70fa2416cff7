using System.CommandLine;
using Kvmi.Policy.Engine.Plugins;
using Kvmi.Policy.Host.Running;
using Kvmi.Protocol;
using Kvmi.Session.Endpoints;

namespace Kvmi.Policy.Host.CommandLine;

/// <summary>Where the VMs of a run come from: --listen and what belongs to it, or --simulate; and when it ends. One set of options a verb.</summary>
internal sealed class PeerSourceOptions
{
    private const string DefaultScenario = "default";

    private readonly Option<string[]> _listen = new("--listen")
    {
        Description = "Where to listen for device managers: unix:PATH, tcp:127.0.0.1:PORT or vsock:PORT; may be given again",
        HelpName = "ENDPOINT",
        DefaultValueFactory = _ => [],
    };

    private readonly Option<string?> _simulate = new("--simulate")
    {
        Description = "Start the built-in simulated guest on a private socket, and end when its scenario has ended; for the names of scenarios see "
            + "simulate --list",
        HelpName = "SCENARIO",
        Arity = ArgumentArity.ZeroOrOne,
    };

    private readonly Option<KvmiDialect?> _simulatedDialect = new("--simulated-dialect")
    {
        Description = "Wire dialect of the simulated guest (default: that of --dialect, else v7)",
        HelpName = "DIALECT",
        CustomParser = CommonOptions.ParseDialect,
    };

    private readonly Option<int?> _vcpus = SimulationOptions.Vcpus();
    private readonly Option<ulong?> _seed = SimulationOptions.Seed();
    private readonly Option<TimeSpan?> _reconnect = SimulationOptions.Reconnect();
    private readonly Option<KvmiDialect?> _dialect = CommonOptions.Dialect(auto: true);
    private readonly Option<long?> _events = CommonOptions.Events();
    private readonly Option<TimeSpan?> _duration = CommonOptions.For();
    private readonly Option<string?> _state = CommonOptions.State();
    private readonly Option<string?> _cookie = CookieFile.Option();
    private readonly Option<bool> _remote = new("--allow-remote") { Description = "Listen on TCP addresses that other machines reach; KVMI has no encryption" };
    private readonly PeerOptions _peers = new();
    private readonly LatencyOptions _latency = new();
    private readonly DeadlineOptions _deadlines = new();

    /// <summary>Adds the options to a verb.</summary>
    public void AddTo(Command verb)
    {
        foreach (var option in new Option[] { _listen, _simulate, _simulatedDialect, _vcpus, _seed, _reconnect, _dialect, _events, _duration, _state, _cookie, _remote })
        {
            verb.Add(option);
        }

        _peers.AddTo(verb);
        _latency.AddTo(verb);
        _deadlines.AddTo(verb);
    }

    /// <summary>A run without policies and plugins: the verb adds what it has.</summary>
    /// <exception cref="UsageException">There is nothing to listen on, or an endpoint is none.</exception>
    public RunOptions Read(ParseResult parse)
    {
        var scenario = parse.GetResult(_simulate) is null ? null : parse.GetValue(_simulate) ?? DefaultScenario;
        List<KvmiEndpoint> endpoints = [];
        foreach (var text in parse.GetRequiredValue(_listen))
        {
            endpoints.Add(KvmiEndpoint.TryParse(text, parse.GetValue(_remote), out var endpoint, out var error) ? endpoint : throw new UsageException(error));
        }

        foreach (var option in new Option[] { _simulatedDialect, _vcpus, _seed, _reconnect })
        {
            if (scenario is null && parse.GetResult(option) is not null)
            {
                throw new UsageException($"{option.Name} is about the simulated guest, and there is none: give --simulate too.");
            }
        }

        if (scenario is null && endpoints.Count == 0)
        {
            throw new UsageException("There is nothing to listen on: give --listen unix:PATH for a real VM, or --simulate for the built-in one.");
        }

        return new RunOptions
        {
            Endpoints = endpoints,
            Policies = [],
            Plugins = [],
            Scenario = scenario,
            Vcpus = parse.GetValue(_vcpus),
            Seed = parse.GetValue(_seed),
            Reconnect = parse.GetValue(_reconnect),
            SimulatedDialect = parse.GetValue(_simulatedDialect),
            Dialect = parse.GetValue(_dialect),
            Events = parse.GetValue(_events),
            Duration = parse.GetValue(_duration),
            State = StateDirectory.Prepare(parse.GetValue(_state)),
            Cookie = CookieFile.Read(parse.GetValue(_cookie)),
            AllowRemote = parse.GetValue(_remote),
            FileRules = new FileRules(PluginRules.None, Ownership: null),
            Server = [_peers.Read(parse), _latency.Read(parse), _deadlines.Read(parse)],
        };
    }
}
