using Kvmi.Policy.Engine.Configuration.Reading;
using Kvmi.Policy.Engine.Model;

namespace Kvmi.Policy.Engine.Configuration.Rules;

/// <summary>Each VM has a worker of its own, so untrusted code cannot share state between VMs.</summary>
internal sealed class UntrustedStateRule : IPolicyRule
{
    public void Check(PolicyContext context, PolicyDefinition policy)
    {
        if (policy is { Trust: PolicyTrust.Untrusted, Code.IsNone: false, State.Scope: PolicyStateScope.Policy })
        {
            context.Findings.Error(
                context.Spec["state"]!["scope"]!,
                FindingCodes.UntrustedSharedState,
                "An untrusted policy cannot have state of scope policy: each VM has a worker process of its own.",
                "write scope: vm, or trust the policy");
        }
    }
}
