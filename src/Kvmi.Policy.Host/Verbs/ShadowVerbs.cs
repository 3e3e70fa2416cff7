using System.CommandLine;
using Kvmi.Policy.Host.CommandLine;
using Kvmi.Policy.Host.Control;
using Kvmi.Policy.Host.Control.Contract;
using Kvmi.Policy.Host.Output;

namespace Kvmi.Policy.Host.Verbs;

/// <summary>shadow, promote, discard: what becomes of a generation that runs beside the live one.</summary>
internal static class ShadowVerbs
{
    /// <summary>shadow: what it did so far.</summary>
    public static Command CreateShadow()
    {
        var verb = new Command("shadow",
            "Show what the generation that runs as shadow of a running host would have decided otherwise.\n\nExample:\n  kvmi-policy shadow");
        ControlVerb.Attach(verb, async (_, context, client, cancellation) =>
        {
            var shadow = await client.GetAsync("v1/shadow", ControlJson.Default.ShadowReply, cancellation).ConfigureAwait(false);
            ControlVerb.Write(context, "shadow", shadow, ControlJson.Default.ShadowReply, TextShadow.Of(shadow));
            return ExitCode.Fine;
        });
        return verb;
    }

    /// <summary>promote: it goes live.</summary>
    public static Command CreatePromote() => Create(
        "promote",
        "Make the generation that runs as shadow of a running host the live one, between two events of each VM.\n\nExample:\n  kvmi-policy promote",
        generation => $"Generation {generation} is live.");

    /// <summary>discard: it goes.</summary>
    public static Command CreateDiscard() => Create(
        "discard",
        "Drop the generation that runs as shadow of a running host; the live one stays. The next change of a file makes the next shadow.\n\nExample:\n  kvmi-policy discard",
        generation => $"The shadow is gone; generation {generation} stays live.");

    private static Command Create(string name, string help, Func<int, string> text)
    {
        var verb = new Command(name, help);
        ControlVerb.Attach(verb, async (_, context, client, cancellation) =>
        {
            var reply = await client.PostAsync($"v1/{name}", ControlJson.Default.ShadowChangeReply, cancellation).ConfigureAwait(false);
            ControlVerb.Write(context, name, reply, ControlJson.Default.ShadowChangeReply, text(reply.Generation));
            return ExitCode.Fine;
        });
        return verb;
    }
}
