using Kvmi.Policy.Engine.Configuration.Reading;
using Kvmi.Policy.Engine.Model;

namespace Kvmi.Policy.Engine.Configuration.Rules;

/// <summary>
/// Steps go to those who asked for them, and untrusted code cannot ask: a worker that dies would leave a vCPU stepping with nobody to end it. So such a
/// subscription would never hear anything.
/// </summary>
internal sealed class UntrustedSinglestepRule : IPolicyRule
{
    public void Check(PolicyContext context, PolicyDefinition policy)
    {
        if (policy is not { Trust: PolicyTrust.Untrusted, Code.IsNone: false })
        {
            return;
        }

        foreach (var node in context.Spec["subscriptions"]!.Items)
        {
            if (node["event"]!.Text == "singlestep")
            {
                context.Findings.Error(
                    node["event"]!,
                    FindingCodes.UntrustedSinglestep,
                    "An untrusted policy cannot single-step, so it would never hear of a step.",
                    "remove the subscription, or trust the policy");
            }
        }
    }
}
