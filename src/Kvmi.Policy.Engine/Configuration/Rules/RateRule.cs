using Kvmi.Policy.Engine.Configuration.Reading;
using Kvmi.Policy.Engine.Model;
using Kvmi.Protocol;

namespace Kvmi.Policy.Engine.Configuration.Rules;

/// <summary>What a policy gives up above its rate must be something that it has, and an enforcing one should not be silenced by the guest.</summary>
internal sealed class RateRule : IPolicyRule
{
    public void Check(PolicyContext context, PolicyDefinition policy)
    {
        if (policy.Budget.Rate is not { } rate || context.Spec["budget"]?["rate"] is not { } node)
        {
            return;
        }

        var word = node["onExceed"] ?? node;
        if (rate.OnExceed == PolicyRateAction.Release
            && policy.Watch.Count == 0
            && policy.Subscriptions.All(subscription => subscription.Event != EventKind.PageFault))
        {
            context.Findings.Error(
                word,
                FindingCodes.RateReleasesNothing,
                "onExceed: release gives back guarded pages, and this policy has none: it neither watches pages nor subscribes to pf.",
                "write disarm, which gives back its traps too, or sample");
        }

        // The file's own mode, as the author can change it.
        if (rate.OnExceed != PolicyRateAction.DropAlert && context.Spec["mode"]!.Text == "enforce")
        {
            context.Findings.Warning(
                word,
                FindingCodes.RateOpensPolicy,
                $"In enforce mode onExceed: {node["onExceed"]!.Text} is a hole that the guest can force: enough events, and this policy no longer decides.",
                "write drop-alert, or leave the rate out");
        }
    }
}
