using Kvmi.Policy.Engine.Code;
using Kvmi.Policy.Engine.Configuration.Reading;
using Kvmi.Policy.Engine.Model;

namespace Kvmi.Policy.Engine.Configuration.Rules;

/// <summary>The decision of onError must be one that each subscribed event can be answered with.</summary>
internal sealed class ErrorDecisionRule : IPolicyRule
{
    public void Check(PolicyContext context, PolicyDefinition policy)
    {
        if (context.Spec["onError"]?["decision"] is not { } node)
        {
            return;
        }

        foreach (var kind in policy.Subscriptions.Select(subscription => subscription.Event).Distinct())
        {
            var info = PolicyEvents.Find(kind)!;
            if (!info.IsLegal(policy.OnError.Decision))
            {
                var legal = string.Join(", ", info.Legal.Where(DecisionWords.IsPlain).Select(DecisionWords.NameOf));
                context.Findings.Error(
                    node, FindingCodes.IllegalErrorDecision, $"onError: {node.Text} cannot answer {info.Name} events, to which the policy subscribes.", $"possible for {info.Name}: {legal}");
            }
        }
    }
}
