using System.Globalization;
using Kvmi.Policy.Engine.Configuration.Yaml;
using Kvmi.Policy.Engine.Model;

namespace Kvmi.Policy.Engine.Configuration.Reading;

/// <summary>spec.exceptions, with their expiry.</summary>
internal static class ExceptionSection
{
    private const int DaysOfWarning = 30;

    public static IReadOnlyList<PolicyException> Read(PolicyContext context, IReadOnlyList<PolicySubscription> subscriptions)
    {
        var exceptions = new List<PolicyException>();
        var events = subscriptions.Select(subscription => subscription.Event).Distinct().ToArray();
        var names = new HashSet<string>(StringComparer.Ordinal);
        foreach (var node in context.Spec["exceptions"]?.Items ?? [])
        {
            if (!names.Add(node["name"]!.Text))
            {
                context.Findings.Error(node["name"]!, FindingCodes.DuplicateName, $"Another exception has the name {Quoting.Quote(node["name"]!.Text)}, too.");
            }

            var when = node["when"]!;
            var filter = FilterReader.Read(context, when, events);
            var expires = ReadExpiry(context, node);
            var vm = when["vm"];

            // A tag that no VM has must not be ignored: the exception would hold for all VMs and so switch a protection off.
            var tagged = VmTags.Resolve(context, vm?["tag"], vm?["tags"]);
            exceptions.Add(new PolicyException(node["name"]!.Text, ReadVmNames(vm), filter, expires, node["reason"]!.Text, context.At(node)) { TaggedNames = tagged });
        }

        return exceptions;
    }

    private static List<string> ReadVmNames(YamlNode? vm)
    {
        var names = new List<string>(SettingsSection.Texts(vm?["names"]));
        if (vm?["name"] is { } name)
        {
            names.Add(name.Text);
        }

        return names;
    }

    private static DateOnly ReadExpiry(PolicyContext context, YamlNode exception)
    {
        var node = exception["expires"]!;
        if (!DateOnly.TryParseExact(node.Text, "yyyy-MM-dd", CultureInfo.InvariantCulture, DateTimeStyles.None, out var expires))
        {
            context.Findings.Error(node, FindingCodes.WrongFormat, $"There is no day {Quoting.Quote(node.Text)}.");
            return default;
        }

        var today = DateOnly.FromDateTime(context.Options.TimeProvider.GetUtcNow().UtcDateTime);
        var daysLeft = expires.DayNumber - today.DayNumber;
        var name = Quoting.Quote(exception["name"]!.Text);
        if (daysLeft < 0)
        {
            context.Findings.Error(node, FindingCodes.ExceptionExpired, $"The exception {name} has expired on {node.Text}.", "remove it, or give it a new date and reason");
        }
        else if (daysLeft <= DaysOfWarning)
        {
            context.Findings.Warning(node, FindingCodes.ExceptionExpiring, $"The exception {name} expires in {daysLeft} day(s); afterwards the policy does not load.", "remove it, or give it a new date and reason");
        }

        return expires;
    }
}
