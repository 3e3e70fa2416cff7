using Kvmi.Policy.Engine.Code;
using Kvmi.Policy.Engine.Configuration.Yaml;
using Kvmi.Policy.Engine.Model;
using Kvmi.Protocol;

namespace Kvmi.Policy.Engine.Configuration.Reading;

/// <summary>spec.subscriptions.</summary>
internal static class SubscriptionSection
{
    public static IReadOnlyList<PolicySubscription> Read(PolicyContext context) =>
        [.. context.Spec["subscriptions"]!.Items.Select(node => ReadOne(context, node))];

    private static PolicySubscription ReadOne(PolicyContext context, YamlNode node)
    {
        var info = PolicyEvents.Find(node["event"]!.Text)
            ?? throw new InvalidOperationException($"policy-schema.yaml names the event '{node["event"]!.Text}', which the engine does not know.");
        var when = node["when"];
        if (info.Kind == EventKind.Msr && when?["msr"] is null)
        {
            context.Findings.Error(node, FindingCodes.MsrNotControllable, "A subscription to msr events names its MSRs.", "add when: { msr: lstar }");
        }

        var handler = node["handler"]?.Text;
        var then = node["then"];
        if ((handler is null) == (then is null))
        {
            context.Findings.Error(node, FindingCodes.HandlerOrThen, handler is null ? "Nothing decides here." : "A handler and a then cannot both decide.", "give either handler: Name or then: { decision: ... }");
        }

        return new PolicySubscription
        {
            Event = info.Kind,
            Filter = when is null ? EventFilter.Any : FilterReader.Read(context, when, [info.Kind]),
            Handler = handler,
            Then = then is null ? null : ThenSection.Read(context, then, info),
            Location = context.At(node),
        };
    }
}
