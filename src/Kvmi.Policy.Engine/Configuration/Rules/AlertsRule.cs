using Kvmi.Policy.Engine.Configuration.Reading;
using Kvmi.Policy.Engine.Configuration.Yaml;
using Kvmi.Policy.Engine.Model;
using Kvmi.Policy.Engine.Output.Alerts;

namespace Kvmi.Policy.Engine.Configuration.Rules;

/// <summary>What spec.alerts asks for should happen: a field that no event has, or a window of no length, is a mistake.</summary>
internal sealed class AlertsRule : IPolicyRule
{
    public void Check(PolicyContext context, PolicyDefinition policy)
    {
        var alerts = context.Spec["alerts"];
        foreach (var field in alerts?["fields"]?.Items ?? [])
        {
            if (policy.Subscriptions.All(subscription => !AlertEventFields.Has(field.Text, subscription.Event)))
            {
                context.Findings.Warning(
                    field,
                    FindingCodes.AlertFieldAbsent,
                    $"None of the subscribed events has {Quoting.Quote(field.Text)}: no alert will have it.",
                    $"its subscriptions have {string.Join(", ", AlertEventFields.All.Where(name => policy.Subscriptions.Any(subscription => AlertEventFields.Has(name, subscription.Event))))}");
            }
        }

        if (alerts?["dedupe"]?["window"] is { } window && policy.Alerts.DedupeWindow == TimeSpan.Zero)
        {
            context.Findings.Warning(window, FindingCodes.DedupeWithoutWindow, "A window of no length silences nothing.", "write a time such as 10m");
        }
    }
}
