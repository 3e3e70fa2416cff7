using Kvmi.Policy.Engine.Configuration.Reading;
using Kvmi.Policy.Engine.Configuration.Yaml;
using Kvmi.Policy.Engine.Model;

namespace Kvmi.Policy.Engine.Configuration.Rules;

/// <summary>A policy that is written for audit never touches the guest, not even when it fails or takes too long.</summary>
internal sealed class AuditFailsOpenRule : IPolicyRule
{
    public void Check(PolicyContext context, PolicyDefinition policy)
    {
        // The file's own mode: an operator who starts an enforce policy in audit has nothing to mend.
        if (context.Spec["mode"]!.Text == "audit")
        {
            Check(context, "error", context.Spec["onError"]?["decision"]);
            Check(context, "time-out", context.Spec["budget"]?["onTimeout"]);
        }
    }

    private static void Check(PolicyContext context, string what, YamlNode? node)
    {
        if (node is not null && DecisionWords.Parse(node.Text) is > DecisionKind.Retry and var decision)
        {
            context.Findings.Warning(
                node,
                FindingCodes.AuditFailsOpen,
                $"An audit policy never fails closed: its {what} will be allow, not {DecisionWords.NameOf(decision)}.",
                "write allow, or retry for pf");
        }
    }
}
