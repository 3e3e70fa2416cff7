using Kvmi.Policy.Engine.Code;
using Kvmi.Policy.Engine.Configuration.Reading;
using Kvmi.Policy.Engine.Configuration.Yaml;
using Kvmi.Policy.Engine.Model;
using Kvmi.Protocol;
using Kvmi.Protocol.Dialects;

namespace Kvmi.Policy.Engine.Configuration.Rules;

/// <summary>
/// A dialect in requires.dialect says that the policy is written for it. Where that dialect lacks an event, a command or a value that the policy
/// needs, every VM that speaks it would refuse the policy; the author learns it here.
/// </summary>
internal sealed class DialectRule : IPolicyRule
{
    public void Check(PolicyContext context, PolicyDefinition policy)
    {
        foreach (var id in policy.Requires.Dialects)
        {
            if (Dialect.Find(id) is { } dialect)
            {
                Check(context, policy, dialect);
            }
        }
    }

    private static void Check(PolicyContext context, PolicyDefinition policy, Dialect dialect)
    {
        var nodes = context.Spec["subscriptions"]!.Items;
        for (var i = 0; i < policy.Subscriptions.Count && i < nodes.Count; i++)
        {
            if (FindMiss(policy.Subscriptions[i], dialect) is { } miss)
            {
                Report(context, nodes[i], dialect, miss);
            }
        }

        foreach (var kind in policy.Requires.Events.Where(kind => !dialect.TryGetEventId(kind, out _)))
        {
            Report(context, context.Spec["requires"]!["events"]!, dialect, $"has no {NameOf(kind)} events");
        }

        foreach (var command in (context.Spec["requires"]!["commands"]?.Items ?? []).Where(node => !Has(policy, dialect, node.Text)))
        {
            Report(context, command, dialect, $"does not have the command {command.Text}");
        }
    }

    private static string? FindMiss(PolicySubscription subscription, Dialect dialect) =>
        !dialect.TryGetEventId(subscription.Event, out _) ? $"has no {NameOf(subscription.Event)} events"
        : subscription.Event == EventKind.Xsetbv && subscription.Filter.LooksAtValues && dialect.Id is KvmiDialect.V7 or KvmiDialect.RfcV5
            ? "does not tell the register and the values of xsetbv events"
            : null;

    private static bool Has(PolicyDefinition policy, Dialect dialect, string word) =>
        !policy.Requires.Commands.Any(command => RequirementsSection.NameOf(command) == word && !dialect.TryGetCommandId(command, out _));

    private static void Report(PolicyContext context, YamlNode node, Dialect dialect, string miss) =>
        context.Findings.Error(
            node,
            FindingCodes.DialectLacksEvent,
            $"The dialect {dialect.Name}, which requires.dialect names, {miss}: no VM that speaks it would take the policy.",
            $"leave {dialect.Name} out of requires.dialect, or do without this");

    private static string NameOf(EventKind kind) => PolicyEvents.Find(kind)?.Name ?? kind.ToString();
}
