using Kvmi.Policy.Engine.Configuration.Reading;
using Kvmi.Policy.Engine.Model;

namespace Kvmi.Policy.Engine.Configuration.Rules;

/// <summary>A policy that is written for audit never touches the guest, not even when it fails.</summary>
internal sealed class AuditFailsOpenRule : IPolicyRule
{
    public void Check(PolicyContext context, PolicyDefinition policy)
    {
        // The file's own mode: an operator who starts an enforce policy in audit has nothing to mend.
        var isAudit = context.Spec["mode"]!.Text == "audit";
        if (isAudit && policy.OnError.Decision > DecisionKind.Retry)
        {
            context.Findings.Warning(
                context.Spec["onError"]!["decision"]!,
                FindingCodes.AuditFailsOpen,
                $"An audit policy never fails closed: its error will be allow, not {DecisionWords.NameOf(policy.OnError.Decision)}.",
                "write allow, or retry for pf");
        }
    }
}
