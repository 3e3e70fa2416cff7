using System.CommandLine;
using Kvmi.Policy.Host.CommandLine;
using Kvmi.Policy.Host.Control;
using Kvmi.Policy.Host.Control.Contract;
using Kvmi.Policy.Host.Output;

namespace Kvmi.Policy.Host.Verbs;

/// <summary>list: the policies of a running host.</summary>
internal static class ListVerb
{
    public static Command Create()
    {
        var verb = new Command("list", "The policies of a running host: mode, votes, times, leases, parameters, their own numbers.\n\nExample:\n  kvmi-policy list");
        ControlVerb.Attach(verb, async (_, context, client, cancellation) =>
        {
            foreach (var policy in await client.GetAsync("v1/policies", ControlJson.Default.IReadOnlyListPolicyReply, cancellation).ConfigureAwait(false))
            {
                ControlVerb.Write(context, "policy", policy, ControlJson.Default.PolicyReply, TextControl.Of(policy));
            }

            return ExitCode.Fine;
        });
        return verb;
    }
}
