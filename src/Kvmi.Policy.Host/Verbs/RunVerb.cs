using System.CommandLine;
using Kvmi.Policy.Engine.Model;
using Kvmi.Policy.Host.CommandLine;
using Kvmi.Policy.Host.Loading;
using Kvmi.Policy.Host.Running;
using Kvmi.Protocol;
using Kvmi.Session.Endpoints;

namespace Kvmi.Policy.Host.Verbs;

/// <summary>run: the policy host itself.</summary>
internal static class RunVerb
{
    private const string DefaultScenario = "default";

    public static Command Create()
    {
        var listen = new Option<string[]>("--listen")
        {
            Description = "Where to listen for device managers: unix:PATH, tcp:127.0.0.1:PORT or vsock:PORT; may be given again",
            HelpName = "ENDPOINT",
            DefaultValueFactory = _ => [],
        };
        var simulate = new Option<string?>("--simulate")
        {
            Description = "Start the built-in simulated guest on a private socket, and end when its scenario has ended; for the names of scenarios see "
                + "simulate --list",
            HelpName = "SCENARIO",
            Arity = ArgumentArity.ZeroOrOne,
        };
        var simulatedDialect = new Option<KvmiDialect?>("--simulated-dialect")
        {
            Description = "Wire dialect of the simulated guest (default: that of --dialect, else v7)",
            HelpName = "DIALECT",
            CustomParser = CommonOptions.ParseDialect,
        };
        var vcpus = SimulationOptions.Vcpus();
        var seed = SimulationOptions.Seed();
        var reconnect = SimulationOptions.Reconnect();
        var policies = CommonOptions.Policies();
        var plugins = CommonOptions.Plugins();
        var sites = SiteOptions.Site();
        var mode = CommonOptions.Mode();
        var master = CommonOptions.Master();
        var state = CommonOptions.State();
        var dialect = CommonOptions.Dialect(auto: true);
        var events = CommonOptions.Events();
        var duration = CommonOptions.For();
        var cookie = CookieFile.Option();
        var remote = new Option<bool>("--allow-remote") { Description = "Listen on TCP addresses that other machines reach; KVMI has no encryption" };
        var untrusted = WorkerProgram.Untrusted();
        var allowWeak = WorkerProgram.AllowWeak();
        var control = new ControlOptions();
        var inject = new InjectionOptions();
        var json = CommonOptions.Json();
        var verb = new Command("run",
            "Decide about the events of introspected VMs with the policies.\n\nExamples:\n  kvmi-policy run --simulate\n  kvmi-policy run --listen unix:/run/kvmi.sock --mode audit\n"
            + "  kvmi-policy run --simulate -e 'msr[lstar] when old != 0 => keep, alert(\"lstar\")'")
        {
            listen, simulate, simulatedDialect, vcpus, seed, reconnect, policies, plugins, sites, mode, master, state, dialect, events, duration, cookie, remote, untrusted,
            allowWeak, json,
        };
        control.AddTo(verb);
        inject.AddTo(verb);
        var security = new SecurityOptions();
        security.AddTo(verb);
        var peers = new PeerOptions();
        peers.AddTo(verb);
        var memory = new MemoryOptions();
        memory.AddTo(verb);
        var cache = new CompileCacheOptions();
        cache.AddTo(verb);
        var latency = new LatencyOptions();
        latency.AddTo(verb);
        var deadlines = new DeadlineOptions();
        deadlines.AddTo(verb);
        var sinks = new SinkOptions();
        sinks.AddTo(verb);
        var oneLiners = new OneLinerOptions();
        oneLiners.AddTo(verb);
        var record = new RecordOptions();
        record.AddTo(verb);
        var reload = new ReloadOptions();
        reload.AddTo(verb);
        VerbRunner.Attach(verb, json, (parse, context) =>
        {
            var scenario = parse.GetResult(simulate) is null ? null : parse.GetValue(simulate) ?? DefaultScenario;
            var endpoints = Endpoints(parse.GetRequiredValue(listen), parse.GetValue(remote));
            foreach (var option in new Option[] { simulatedDialect, vcpus, seed, reconnect })
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

            var pluginDirectories = DefaultDirectories.Plugins(parse.GetRequiredValue(plugins));
            var rules = security.Read(parse);
            var lines = oneLiners.Read(parse, parse.GetValue(untrusted));
            return PolicyHost.RunAsync(context, new RunOptions
            {
                OneLiners = lines,
                Endpoints = endpoints,
                Policies = lines.Any && parse.GetRequiredValue(policies).Length == 0 ? [] : DefaultDirectories.Policies(parse.GetRequiredValue(policies)),
                Plugins = pluginDirectories,
                Sites = SiteOptions.Existing(parse.GetRequiredValue(sites)),
                Mode = parse.GetValue(mode),
                Control = control.Read(parse),
                Master = parse.GetValue(master) ?? MasterMode.AsWritten,
                State = StateDirectory.Prepare(parse.GetValue(state)),
                Scenario = scenario,
                Dialect = parse.GetValue(dialect),
                SimulatedDialect = parse.GetValue(simulatedDialect),
                Vcpus = parse.GetValue(vcpus),
                Seed = parse.GetValue(seed),
                Reconnect = parse.GetValue(reconnect),
                Events = parse.GetValue(events),
                Duration = parse.GetValue(duration),
                Cookie = CookieFile.Read(parse.GetValue(cookie)),
                Faults = inject.Read(parse),
                AllowRemote = parse.GetValue(remote),
                FileRules = rules,
                MemoryCachePages = memory.Read(parse),
                Server = [peers.Read(parse), latency.Read(parse), deadlines.Read(parse)],
                Sinks = sinks.Read(parse, new(pluginDirectories, rules.Plugins), SiteOptions.Existing(parse.GetRequiredValue(sites))),
                Record = record.Read(parse),
                Untrusted = parse.GetValue(untrusted),
                AllowWeakWorker = parse.GetValue(allowWeak),
                CompileCache = cache.Read(parse, context),
                Reload = reload.Read(parse),
            });
        });
        return verb;
    }

    private static List<KvmiEndpoint> Endpoints(string[] texts, bool allowRemote)
    {
        List<KvmiEndpoint> endpoints = [];
        foreach (var text in texts)
        {
            if (!KvmiEndpoint.TryParse(text, allowRemote, out var endpoint, out var error))
            {
                throw new UsageException(error);
            }

            endpoints.Add(endpoint);
        }

        return endpoints;
    }
}
