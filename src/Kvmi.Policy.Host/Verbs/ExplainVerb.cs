using System.CommandLine;
using Kvmi.Policy.Host.CommandLine;
using Kvmi.Policy.Host.Control;
using Kvmi.Policy.Host.Control.Contract;
using Kvmi.Policy.Host.Output;

namespace Kvmi.Policy.Host.Verbs;

/// <summary>explain: why a running host decided as it did.</summary>
internal static class ExplainVerb
{
    public static Command Create()
    {
        var policy = new Argument<string?>("POLICY") { Description = "Only decisions that this policy voted on", Arity = ArgumentArity.ZeroOrOne };
        var last = new Option<int>("--last")
        {
            Description = $"How many of the latest decisions (default: 20, at most {2 * DecisionHistory.Capacity})",
            HelpName = "N",
            DefaultValueFactory = _ => 20,
        };
        var all = new Option<string?>("--all")
        {
            Description = "on: remember harmless decisions too from now on; off: no longer. Costs a line of output for each event while it is on",
            HelpName = "on|off",
        };
        all.AcceptOnlyFromAmong("on", "off");
        var verb = new Command("explain",
            "The latest decisions of a running host: who voted what, what is in force, why, and how long it took.\n\n"
            + "Examples:\n  kvmi-policy explain lstar-lock --last 1\n  kvmi-policy explain --all on") { policy, last, all };
        ControlVerb.Attach(verb, async (parse, context, client, cancellation) =>
        {
            if (parse.GetValue(all) is { } switched)
            {
                await client.PutAsync(
                    "v1/decisions/emission",
                    new EmissionRequest(switched == "on"),
                    ControlJson.Default.EmissionRequest,
                    ControlJson.Default.EmissionRequest,
                    cancellation).ConfigureAwait(false);
            }

            var filter = parse.GetValue(policy) is { } id ? $"&policy={Uri.EscapeDataString(id)}" : "";
            var found = await client.GetAsync(
                $"v1/decisions?last={parse.GetValue(last)}{filter}", ControlJson.Default.DecisionsReply, cancellation).ConfigureAwait(false);
            foreach (var decision in found.Decisions)
            {
                ControlVerb.Write(context, "explanation", decision, ControlJson.Default.DecisionReply, TextControl.Of(decision));
            }

            if (found.Decisions.Count == 0)
            {
                var ids = (await client.GetAsync("v1/policies", ControlJson.Default.IReadOnlyListPolicyReply, cancellation).ConfigureAwait(false))
                    .Select(reply => reply.Id).ToArray();
                if (parse.GetValue(policy) is { } wanted && !ids.Contains(wanted))
                {
                    await Console.Error.WriteLineAsync($"kvmi-policy: The host has no such policy, '{wanted}'; it has {string.Join(", ", ids)}.").ConfigureAwait(false);
                    return ExitCode.Failure;
                }

                await Console.Error.WriteLineAsync(found.AllDecisions
                    ? "No decision is remembered that matches."
                    : "No decision is remembered that matches. Harmless ones are not remembered: 'kvmi-policy explain --all on' changes that.").ConfigureAwait(false);
            }

            return ExitCode.Fine;
        });
        return verb;
    }
}
