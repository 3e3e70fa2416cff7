using System.CommandLine;
using Kvmi.Policy.Host.CommandLine;
using Kvmi.Policy.Host.Control;

namespace Kvmi.Policy.Host.Verbs;

/// <summary>tail: the output of a running host as it is written.</summary>
internal static class TailVerb
{
    public static Command Create()
    {
        var filter = new Option<string[]>("--filter")
        {
            Description = $"Kinds of lines, with commas between: {string.Join(", ", RecordFilter.AllKinds)} (default: all)",
            HelpName = "KINDS",
            DefaultValueFactory = _ => [],
        };
        var policy = new Option<string?>("--policy") { Description = "Only lines of this policy", HelpName = "ID" };
        var vm = new Option<string?>("--vm") { Description = "Only lines of the VM of this name", HelpName = "NAME" };
        var verb = new Command("tail",
            "The output of a running host from now on, until the host ends or Ctrl-C. Who reads too slowly loses lines and is told how many.\n\n"
            + "Example:\n  kvmi-policy tail --filter alert,decision --json") { filter, policy, vm };
        ControlVerb.Attach(verb, async (parse, _, client, cancellation) =>
        {
            var kinds = parse.GetRequiredValue(filter).SelectMany(list => list.Split(',')).ToArray();
            if (kinds.Except(RecordFilter.AllKinds).FirstOrDefault() is { } unknown)
            {
                throw new UsageException($"--filter {unknown}: give some of {string.Join(", ", RecordFilter.AllKinds)}, with commas between.");
            }

            var format = parse.GetValue<bool>("--json") ? "json" : "text";
            var path = $"v1/tail?format={format}&kinds={string.Join(',', kinds)}&policy={Escape(parse.GetValue(policy))}&vm={Escape(parse.GetValue(vm))}";
            using var output = Console.OpenStandardOutput();
            await client.CopyAsync(path, output, cancellation).ConfigureAwait(false);
            await Console.Error.WriteLineAsync("The host has ended.").ConfigureAwait(false);
            return ExitCode.Fine;
        });
        return verb;
    }

    private static string Escape(string? text) => Uri.EscapeDataString(text ?? "");
}
