using Kvmi.Policy.Engine.Configuration.Reading;
using Kvmi.Policy.Engine.Model;
using Kvmi.Protocol;

namespace Kvmi.Policy.Engine.Configuration.Rules;

/// <summary>A watch costs faults; somebody should look at them.</summary>
internal sealed class WatchIsHeardRule : IPolicyRule
{
    public void Check(PolicyContext context, PolicyDefinition policy)
    {
        if (policy.Watch.Count > 0 && policy.Subscriptions.All(subscription => subscription.Event != EventKind.PageFault))
        {
            context.Findings.Warning(context.Spec["watch"]!, FindingCodes.WatchUnheard, "Pages are watched, but no subscription hears their pf events.", "subscribe to pf, or remove the watch");
        }
    }
}
