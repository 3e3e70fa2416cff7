using System.CommandLine;
using Kvmi.Policy.Host.CommandLine;
using Kvmi.Policy.Host.Control;
using Kvmi.Policy.Host.Control.Contract;
using Kvmi.Policy.Host.Output;

namespace Kvmi.Policy.Host.Verbs;

/// <summary>mode: the switches of a running host.</summary>
internal static class ModeVerb
{
    private const string AsWritten = "as-written";

    public static Command Create()
    {
        var words = new Argument<string[]>("[POLICY] MODE")
        {
            Description = "Without a policy: as-written, audit or off, for all policies. With one: audit, enforce or as-written",
            Arity = new ArgumentArity(1, 2),
        };
        var verb = new Command("mode",
            "Switch what policies of a running host may do. Each VM takes it over before its next event.\n\n"
            + "Examples:\n  kvmi-policy mode audit\n  kvmi-policy mode as-written\n  kvmi-policy mode lstar-lock enforce") { words };
        ControlVerb.Attach(verb, async (parse, context, client, cancellation) =>
        {
            var given = parse.GetRequiredValue(words);
            var policy = given.Length == 2 ? given[0] : null;
            string[] modes = policy is null ? [AsWritten, "audit", "off"] : ["audit", "enforce", AsWritten];
            if (!modes.Contains(given[^1]))
            {
                throw new UsageException(
                    $"'{given[^1]}' is no mode {(policy is null ? "of all policies" : "of a policy")}: give one of {string.Join(", ", modes)}.");
            }

            var path = policy is null ? "v1/mode" : $"v1/policies/{Uri.EscapeDataString(policy)}/mode";
            var reply = await client.PutAsync(
                path, new ModeRequest(given[^1]), ControlJson.Default.ModeRequest, ControlJson.Default.ModeReply, cancellation).ConfigureAwait(false);
            ControlVerb.Write(context, "mode", reply, ControlJson.Default.ModeReply, TextControl.Of(reply));
            return ExitCode.Fine;
        });
        return verb;
    }
}
