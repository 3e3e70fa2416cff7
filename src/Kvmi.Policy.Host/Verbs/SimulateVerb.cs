using System.CommandLine;
using Kvmi.Policy.Host.CommandLine;
using Kvmi.Policy.Host.Output.Records;
using Kvmi.Policy.Host.Running;
using Kvmi.Protocol;
using Kvmi.Simulator;
using Kvmi.Simulator.Machine.Model;
using Kvmi.Simulator.Programs;

namespace Kvmi.Policy.Host.Verbs;

/// <summary>simulate: plays device manager, kernel and guest against a listening tool.</summary>
internal static class SimulateVerb
{
    public static Command Create()
    {
        var connect = new Option<string?>("--connect")
        {
            Description = "Where the tool listens: unix:PATH, tcp:127.0.0.1:PORT or vsock:CID:PORT",
            HelpName = "ENDPOINT",
        };
        var dialect = CommonOptions.Dialect(auto: false);
        var list = new Option<bool>("--list") { Description = "List the built-in scenarios, the guest programs and the faults that a scenario file may use" };
        var vcpus = SimulationOptions.Vcpus();
        var scenario = new Option<string>("--scenario")
        {
            Description = "Name of a built-in scenario (see --list), or path of a scenario file",
            HelpName = "FILE|NAME",
            DefaultValueFactory = _ => "default",
        };
        var seed = SimulationOptions.Seed();
        var hardware = SimulationOptions.Hardware();
        var reconnect = SimulationOptions.Reconnect();
        var cookie = CookieFile.Option();
        var events = CommonOptions.Events();
        var duration = CommonOptions.For();
        var settle = new Option<TimeSpan?>("--settle")
        {
            Description = "How long the tool must be silent after it armed its first event before the scenario starts, such as 150ms or 3s "
                + "(default: the scenario's, else 1s)",
            HelpName = "DURATION",
            CustomParser = DurationText.Parse,
        };
        var json = CommonOptions.Json();
        var verb = new Command("simulate",
            "Play a hypervisor with a model guest against a listening tool.\n\nExamples:\n  kvmi-policy simulate --list\n  kvmi-policy simulate --connect unix:/run/kvmi.sock --vcpus 2")
        {
            connect, list, dialect, vcpus, scenario, seed, hardware, reconnect, cookie, events, duration, settle, json,
        };
        VerbRunner.Attach(verb, json, (parse, context) =>
        {
            if (parse.GetValue(list))
            {
                return Task.FromResult(List(context));
            }

            return RunAsync(context, new SimulatorOptions
            {
                Endpoint = parse.GetValue(connect)
                    ?? throw new UsageException("There is no tool to connect to: give --connect unix:PATH, or --list to see what there is."),
                Dialect = parse.GetValue(dialect) ?? KvmiDialect.V7,
                Vcpus = parse.GetValue(vcpus),
                Scenario = parse.GetRequiredValue(scenario),
                Seed = parse.GetValue(seed),
                Hardware = parse.GetValue(hardware) ?? MachineHardware.Vmx,
                Reconnect = parse.GetValue(reconnect),
                Cookie = CookieFile.Read(parse.GetValue(cookie)),
                MaxEvents = parse.GetValue(events),
                MaxDuration = parse.GetValue(duration),
                Settle = parse.GetValue(settle),
                TimeProvider = context.Time,
                LoggerFactory = context.LoggerFactory,
            });
        });
        return verb;
    }

    private static int List(VerbContext context)
    {
        Write("scenario", Simulation.ScenarioCatalogue);
        Write("program", GuestPrograms.All);
        Write("fault", Simulation.FaultCatalogue);
        return ExitCode.Fine;

        void Write(string section, IEnumerable<CatalogueEntry> entries)
        {
            foreach (var entry in entries)
            {
                context.Results.Write(new CatalogueOutput { Time = context.Results.Now, Section = section, Entry = entry });
            }
        }
    }

    private static async Task<int> RunAsync(VerbContext context, SimulatorOptions options)
    {
        using var shutdown = new ShutdownSignal();
        var result = await Simulation.RunAsync(options, shutdown.Token).ConfigureAwait(false);
        context.Results.Write(new SimulationSummaryOutput { Time = context.Results.Now, Result = result });
        return result switch
        {
            { EndedAsWritten: true } => ExitCode.Fine,
            { End: SimulationEnd.NotConnected } => ExitCode.Environment,
            _ => ExitCode.Failure,
        };
    }
}
