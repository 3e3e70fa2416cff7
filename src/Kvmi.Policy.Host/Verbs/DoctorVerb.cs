using System.CommandLine;
using Kvmi.Policy.Engine.Output;
using Kvmi.Policy.Host.CommandLine;
using Kvmi.Policy.Host.Doctor;
using Kvmi.Policy.Host.Doctor.Checks;
using Kvmi.Policy.Host.Running;
using Kvmi.Session.Endpoints;

namespace Kvmi.Policy.Host.Verbs;

/// <summary>doctor: is this machine ready, and what to do where it is not.</summary>
internal static class DoctorVerb
{
    public static Command Create()
    {
        var listen = new Option<string[]>("--listen")
        {
            Description = "Where run is to listen: unix:PATH, tcp:127.0.0.1:PORT or vsock:PORT; may be given again",
            HelpName = "ENDPOINT",
            DefaultValueFactory = _ => [],
        };
        var connect = new Option<string[]>("--connect")
        {
            Description = "Where a tool should be listening already: unix:PATH or tcp:127.0.0.1:PORT; it sees a connection that closes at once",
            HelpName = "ENDPOINT",
            DefaultValueFactory = _ => [],
        };
        var wait = new Option<TimeSpan?>("--wait")
        {
            Description = "Listen this long at most for a device manager, such as 30s, and say who connects and which dialect answers",
            HelpName = "DURATION",
            CustomParser = DurationText.Parse,
        };
        var cookie = CookieFile.Option();
        var dialect = CommonOptions.Dialect(auto: true);
        var remote = new Option<bool>("--allow-remote") { Description = "Allow TCP addresses that other machines reach; KVMI has no encryption" };
        var json = CommonOptions.Json();
        var verb = new Command("doctor",
            "Check whether this machine is ready, and say what to do where it is not.\n\n"
            + "Examples:\n  kvmi-policy doctor\n  kvmi-policy doctor --listen unix:/run/kvmi/kvmi.sock --wait 30s")
        {
            listen, connect, wait, cookie, dialect, remote, json,
        };
        var policies = CommonOptions.Policies();
        var plugins = CommonOptions.Plugins();
        policies.Description = "Directory of policies whose files nobody else may be able to change; may be given again";
        plugins.Description = "Directory of plugins whose files nobody else may be able to change; may be given again";
        verb.Add(policies);
        verb.Add(plugins);
        var peers = new PeerOptions();
        peers.AddTo(verb);
        VerbRunner.Attach(verb, json, (parse, context) =>
        {
            var options = new DoctorOptions
            {
                Listen = Endpoints(parse.GetRequiredValue(listen), parse.GetValue(remote)),
                Connect = Endpoints(parse.GetRequiredValue(connect), parse.GetValue(remote)),
                Files = [.. parse.GetRequiredValue(policies), .. parse.GetRequiredValue(plugins)],
                Peers = peers.Read(parse),
                Wait = parse.GetValue(wait),
                CookieFile = parse.GetValue(cookie),
                Dialect = parse.GetValue(dialect),
                AllowRemote = parse.GetValue(remote),
            };
            if (options.Wait is not null && options.Listen.Count == 0)
            {
                throw new UsageException("There is nothing to wait on: give --listen ENDPOINT with --wait.");
            }

            if (options.Connect.Any(endpoint => endpoint.Kind == KvmiEndpointKind.Vsock))
            {
                throw new UsageException("doctor cannot connect to vsock; give --connect unix:PATH or tcp:ADDRESS:PORT, or try kvmi-policy simulate --connect vsock:CID:PORT.");
            }

            return RunAsync(context, options);
        });
        return verb;
    }

    private static async Task<int> RunAsync(VerbContext verb, DoctorOptions options)
    {
        using var shutdown = new ShutdownSignal();
        var run = new DoctorRun(verb.Results);
        var context = new DoctorContext(new LinuxHost(verb.Time), options, verb.Time);
        run.Run(DoctorRun.Checks, context);

        // Where a directory or the cookie has failed, waiting would fail for the same reason.
        if (options.Wait is not null && (run.HasFailed(ListenCheck.Name) || run.HasFailed(CookieCheck.Name)))
        {
            run.Write(PeerWait.Skipped);
        }
        else if (options.Wait is not null)
        {
            await PeerWait.RunAsync(
                run, context, text => verb.Results.Write(new StatusOutput { Time = verb.Results.Now, Status = "listening", Message = text }),
                shutdown.Token).ConfigureAwait(false);
        }

        return run.Finish();
    }

    private static List<KvmiEndpoint> Endpoints(string[] texts, bool allowRemote)
    {
        List<KvmiEndpoint> endpoints = [];
        foreach (var text in texts)
        {
            endpoints.Add(KvmiEndpoint.TryParse(text, allowRemote, out var endpoint, out var error) ? endpoint : throw new UsageException(error));
        }

        return endpoints;
    }
}
