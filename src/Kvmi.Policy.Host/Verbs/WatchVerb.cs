using System.CommandLine;
using Kvmi.Policy.Engine.Model;
using Kvmi.Policy.Host.CommandLine;
using Kvmi.Policy.Host.OneLiners;
using Kvmi.Policy.Host.Output;
using Kvmi.Policy.Host.Running;
using Kvmi.Policy.Host.Watching;
using Spectre.Console;

namespace Kvmi.Policy.Host.Verbs;

/// <summary>watch: counts events by a key, and decides nothing.</summary>
internal static class WatchVerb
{
    private const int MostKeys = 4096;

    public static Command Create()
    {
        var subject = new Argument<string>("EVENT") { Description = "Which events: cr[3], msr[lstar, star], pf[0x1000-0x2000:w], cpuid, ..." };
        var countBy = new Option<string>("--count-by")
        {
            Description = "By what they are counted: a field such as new or rip, or an expression such as 'gpa >> 12'",
            HelpName = "KEY",
            Required = true,
        };
        var when = new Option<string?>("--when") { Description = "Count only these: a condition such as 'cpl == 0 && new != old'", HelpName = "CONDITION" };
        var top = new Option<int>("--top")
        {
            Description = "How many keys are shown, the most frequent first",
            HelpName = "N",
            DefaultValueFactory = _ => 20,
            Validators =
            {
                result =>
                {
                    if (result.Tokens is [{ Value: var text }] && int.TryParse(text, out var number) && number is < 1 or > MostKeys)
                    {
                        result.AddError($"--top {text} makes no sense: give a number from 1 to {MostKeys}.");
                    }
                },
            },
        };
        var every = new Option<TimeSpan?>("--every")
        {
            Description = "How often a line says where it stands, when stdout is no terminal (default: 10s)",
            HelpName = "DURATION",
            CustomParser = DurationText.Parse,
        };
        var vms = OneLinerOptions.Vms();
        var peers = new PeerSourceOptions();
        var json = CommonOptions.Json();
        var verb = new Command("watch",
            "Count events by a key and show the most frequent ones; nothing is decided, the guest goes on as it would. On a terminal a table follows the "
            + "events; Ctrl-C ends with the final one.\n\nExamples:\n  kvmi-policy watch 'cr[3]' --count-by new --simulate\n"
            + "  kvmi-policy watch 'msr[lstar]' --count-by rip --when 'cpl == 0' --for 10s --listen unix:/run/kvmi.sock")
        {
            subject, countBy, when, top, every, vms, json,
        };
        peers.AddTo(verb);
        VerbRunner.Attach(verb, json, (parse, context) =>
        {
            // One engine for both: watch is this one-liner.
            var condition = parse.GetValue(when) is { } text ? $" when {text}" : "";
            var line = OneLinerOptions.Parse($"{parse.GetRequiredValue(subject)}{condition} => count({parse.GetRequiredValue(countBy)})", "watch", untrusted: false);
            var options = peers.Read(parse) with
            {
                OneLiners = new GivenOneLiners([line], parse.GetRequiredValue(vms), "watch-") { IsAnnounced = false },
                Mode = PolicyMode.Audit,
                Master = MasterMode.AsWritten,
            };
            var settings = new WatchSettings(parse.GetValue(top), parse.GetValue(every) ?? TimeSpan.FromSeconds(10), Screen: null);
            return parse.GetValue(json) || Console.IsOutputRedirected || Environment.GetEnvironmentVariable("TERM") is null or "" or "dumb"
                ? PolicyHost.RunAsync(context, options with { Watch = settings })
                : RunOnTerminalAsync(context, options, settings, line.Text);
        });
        return verb;
    }

    private static async Task<int> RunOnTerminalAsync(VerbContext context, RunOptions options, WatchSettings settings, string title)
    {
        using var held = new HeldOutput();
        var results = new ResultWriter(held, new TextLineRenderer(), context.Time, static _ => { });
        try
        {
            var screen = new WatchScreen(AnsiConsole.Console, held, title);
            return await PolicyHost.RunAsync(context with { Results = results }, options with { Watch = settings with { Screen = screen } }).ConfigureAwait(false);
        }
        finally
        {
            using var stdout = new StandardOutput(1);
            held.Release(stdout);
        }
    }
}
