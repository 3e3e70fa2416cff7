using Kvmi.Policy.Engine.Code;
using Kvmi.Policy.Engine.Configuration.Reading;
using Kvmi.Policy.Engine.Configuration.Yaml;
using Kvmi.Policy.Engine.Model;

namespace Kvmi.Policy.Engine.Configuration.Rules;

/// <summary>The decisions of onError and onTimeout must be ones that each subscribed event can be answered with.</summary>
internal sealed class ErrorDecisionRule : IPolicyRule
{
    public void Check(PolicyContext context, PolicyDefinition policy)
    {
        Check(context, policy, "onError", context.Spec["onError"]?["decision"]);
        Check(context, policy, "onTimeout", context.Spec["budget"]?["onTimeout"]);
    }

    private static void Check(PolicyContext context, PolicyDefinition policy, string key, YamlNode? node)
    {
        if (node is null)
        {
            return;
        }

        var decision = DecisionWords.Parse(node.Text);
        foreach (var kind in policy.Subscriptions.Select(subscription => subscription.Event).Distinct())
        {
            var info = PolicyEvents.Find(kind)!;
            if (!info.IsLegal(decision))
            {
                var legal = string.Join(", ", info.Legal.Where(DecisionWords.IsPlain).Select(DecisionWords.NameOf));
                context.Findings.Error(
                    node, FindingCodes.IllegalErrorDecision, $"{key}: {node.Text} cannot answer {info.Name} events, to which the policy subscribes.", $"possible for {info.Name}: {legal}");
            }
        }
    }
}
