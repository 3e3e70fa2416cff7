using Kvmi.Policy.Engine.Configuration.Reading;
using Kvmi.Policy.Engine.Model;

namespace Kvmi.Policy.Engine.Configuration.Rules;

/// <summary>Untrusted code cannot use EPT views: a worker that dies would leave a vCPU where its guards do not hold. So what requires them would never work.</summary>
internal sealed class UntrustedViewsRule : IPolicyRule
{
    public void Check(PolicyContext context, PolicyDefinition policy)
    {
        if (policy is not { Trust: PolicyTrust.Untrusted, Code.IsNone: false })
        {
            return;
        }

        foreach (var node in context.Spec["requires"]?["commands"]?.Items ?? [])
        {
            if (node.Text is "switch-ept-view" or "create-ept-view" or "destroy-ept-view")
            {
                context.Findings.Error(
                    node,
                    FindingCodes.UntrustedViews,
                    $"An untrusted policy cannot use EPT views, so it can do nothing with {node.Text}.",
                    "remove the command, or trust the policy");
            }
        }
    }
}
