using System.CommandLine;
using Kvmi.Policy.Host.CommandLine;
using Kvmi.Policy.Host.Control;
using Kvmi.Policy.Host.Control.Contract;
using Kvmi.Policy.Host.Output;

namespace Kvmi.Policy.Host.Verbs;

/// <summary>status: how a running host is.</summary>
internal static class StatusVerb
{
    public static Command Create()
    {
        var verb = new Command("status", "How a running host is: version, VMs, events, deadlines.\n\nExample:\n  kvmi-policy status --json");
        ControlVerb.Attach(verb, async (_, context, client, cancellation) =>
        {
            var host = await client.GetAsync("v1/status", ControlJson.Default.HostReply, cancellation).ConfigureAwait(false);
            ControlVerb.Write(context, "host", host, ControlJson.Default.HostReply, TextControl.Of(host));
            return ExitCode.Fine;
        });
        return verb;
    }
}
