using Kvmi.Policy.Engine.Code;
using Kvmi.Policy.Engine.Configuration.Yaml;
using Kvmi.Policy.Engine.Model;
using Kvmi.Policy.Engine.Output.Alerts;

namespace Kvmi.Policy.Engine.Configuration.Reading;

/// <summary>Reads <c>then</c> of a subscription: the decision, what it needs, and what it writes.</summary>
internal static class ThenSection
{
    private const byte PageFaultVector = 14;

    public static PolicyThen Read(PolicyContext context, YamlNode then, PolicyEventInfo info)
    {
        var node = then["decision"]!;
        var decision = DecisionWords.Parse(node.Text);
        if (!info.IsLegal(decision))
        {
            var legal = string.Join(", ", info.Legal.Select(DecisionWords.NameOf));
            context.Findings.Error(node, FindingCodes.IllegalDecision, $"The decision {node.Text} cannot answer {info.Name} events.", $"possible here: {legal}");
        }

        Check(context, then, node, "value", isNeeded: decision == DecisionKind.Set, isPossible: decision == DecisionKind.Set);
        Check(context, then, node, "exception", isNeeded: decision == DecisionKind.Inject, isPossible: decision == DecisionKind.Inject);
        Check(context, then, node, "errorCode", isNeeded: false, isPossible: decision == DecisionKind.Inject);
        return new PolicyThen(decision, [.. Notices(context, then["alert"], info, isAlert: true), .. Notices(context, then["record"], info, isAlert: false)])
        {
            Value = then["value"] is { } value ? (ulong)value.Integer : 0,
            Exception = then["exception"] is { } exception ? ReadException(context, exception, then["errorCode"]) : default,
        };
    }

    private static void Check(PolicyContext context, YamlNode then, YamlNode decision, string key, bool isNeeded, bool isPossible)
    {
        if (isNeeded && then[key] is null)
        {
            context.Findings.Error(decision, FindingCodes.IllegalDecision, $"The decision {decision.Text} needs the key {key} here.", $"add {key}: ..., or use handler: Name");
        }
        else if (!isPossible && then[key] is { } node)
        {
            context.Findings.Error(
                node, FindingCodes.IllegalDecision, $"The key {key} belongs to the decision {(key == "value" ? "set" : "inject")}, and this one is {decision.Text}.", "leave it out");
        }
    }

    private static GuestException ReadException(PolicyContext context, YamlNode node, YamlNode? errorCode)
    {
        var vector = ExceptionNames.VectorOf(node);
        if (vector == PageFaultVector)
        {
            context.Findings.Error(node, FindingCodes.IllegalDecision, "A page fault needs the address that the guest finds in CR2.", "use handler: Name, and Inject(Exceptions.PageFault(address, errorCode))");
        }

        return new GuestException(vector, (uint)(errorCode?.Integer ?? 0));
    }

    private static IEnumerable<PolicyNotice> Notices(PolicyContext context, YamlNode? node, PolicyEventInfo info, bool isAlert) => node switch
    {
        null => [],
        { Kind: YamlNodeKind.Sequence } => node.Items.Select(item => ReadNotice(context, item, info, isAlert)),
        _ => [ReadNotice(context, node, info, isAlert)],
    };

    private static PolicyNotice ReadNotice(PolicyContext context, YamlNode node, PolicyEventInfo info, bool isAlert)
    {
        if (node.Kind == YamlNodeKind.Scalar)
        {
            return new PolicyNotice(node.Text, isAlert);
        }

        // What a site says about a policy's severity stands above all that the policy says.
        var severity = node["severity"] is { } word && context.Options.Site.Find(context.Id)?.Severity is null
            ? Enum.Parse<PolicySeverity>(word.Text, ignoreCase: true)
            : (PolicySeverity?)null;
        return new PolicyNotice(node["name"]!.Text, isAlert) { Severity = severity, Fields = node["fields"] is { } fields ? ReadFields(context, fields, info) : null };
    }

    private static List<string> ReadFields(PolicyContext context, YamlNode node, PolicyEventInfo info)
    {
        var names = new List<string>();
        foreach (var item in node.Items)
        {
            if (!AlertEventFields.Has(item.Text, info.Kind))
            {
                var possible = string.Join(", ", AlertEventFields.All.Where(name => AlertEventFields.Has(name, info.Kind)));
                context.Findings.Error(item, FindingCodes.ThenFieldAbsent, $"A {info.Name} event does not tell {Quoting.Quote(item.Text)}.", $"it tells {possible}");
            }
            else if (names.Contains(item.Text))
            {
                context.Findings.Error(item, FindingCodes.DuplicateName, $"The field {Quoting.Quote(item.Text)} stands here twice.", "keep one");
            }
            else
            {
                names.Add(item.Text);
            }
        }

        return names;
    }
}
