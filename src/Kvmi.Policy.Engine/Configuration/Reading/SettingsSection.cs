using System.Globalization;
using Kvmi.Policy.Engine.Configuration.Yaml;
using Kvmi.Policy.Engine.Model;
using Kvmi.Policy.Engine.Output;

namespace Kvmi.Policy.Engine.Configuration.Reading;

/// <summary>The small blocks: target, budget, onError, state, alerts.</summary>
internal static class SettingsSection
{
    public static PolicyTarget ReadTarget(PolicyContext context)
    {
        var target = context.Spec["target"];
        return new PolicyTarget
        {
            Names = Texts(target?["names"]),
            TaggedNames = VmTags.Resolve(context, target?["tags"]),
            Uuids = [.. (target?["uuids"]?.Items ?? []).Select(node => Guid.Parse(node.Text))],
            Vcpus = new ValueSetReader(context).Read(target?["vcpus"]),
        };
    }

    public static PolicyErrorHandling ReadOnError(PolicyContext context, PolicyErrorHandling standard)
    {
        var node = context.Spec["onError"];
        var decision = node?["decision"] is { } word ? DecisionWords.Parse(word.Text) : standard.Decision;
        var (count, window) = (standard.QuarantineAfter, standard.Window);
        if (node?["quarantineAfter"] is { } quarantine)
        {
            var slash = quarantine.Text.IndexOf('/', StringComparison.Ordinal);
            count = slash < 0 ? 0 : int.Parse(quarantine.Text.AsSpan(0, slash), CultureInfo.InvariantCulture);
            window = slash < 0 ? TimeSpan.Zero : ReadDuration(context, quarantine, quarantine.Text[(slash + 1)..]);
        }

        return new PolicyErrorHandling(decision, count, window);
    }

    public static PolicyBudget ReadBudget(PolicyContext context)
    {
        var budget = context.Spec["budget"];
        return new PolicyBudget(
            (long?)budget?["fuel"]?.Integer ?? PolicyBudget.Default.Fuel,
            budget?["memory"] is { } memory ? ReadBytes(memory.Text) : PolicyBudget.Default.Memory)
        {
            Timeout = budget?["timeout"] is { } timeout ? ReadTimeout(context, timeout) : PolicyBudget.Default.Timeout,
            OnTimeout = budget?["onTimeout"] is { } word ? DecisionWords.Parse(word.Text) : null,
            Rate = budget?["rate"] is { } rate ? ReadRate(rate) : null,
        };
    }

    // The schema has checked the form and the words.
    private static PolicyRate ReadRate(YamlNode node)
    {
        var text = node["limit"]!.Text;
        var slash = text.IndexOf('/', StringComparison.Ordinal);
        var window = text[(slash + 1)..] switch
        {
            "h" => TimeSpan.FromHours(1),
            "m" => TimeSpan.FromMinutes(1),
            _ => TimeSpan.FromSeconds(1),
        };
        var action = node["onExceed"]?.Text switch
        {
            "sample" => PolicyRateAction.Sample,
            "release" => PolicyRateAction.Release,
            "disarm" => PolicyRateAction.Disarm,
            _ => PolicyRateAction.DropAlert,
        };
        return new PolicyRate(long.Parse(text.AsSpan(0, slash), CultureInfo.InvariantCulture), window, action);
    }

    private static TimeSpan ReadTimeout(PolicyContext context, YamlNode node)
    {
        var timeout = ReadDuration(context, node, node.Text);
        if (timeout > TimeSpan.Zero && timeout <= PolicyBudget.MaxTimeout)
        {
            return timeout;
        }

        var most = PolicyBudget.MaxTimeout.TotalMilliseconds;
        context.Findings.Error(
            node,
            FindingCodes.OutOfRange,
            $"A vCPU waits longer than 0 and at most {most.ToString(CultureInfo.InvariantCulture)}ms for its policies; {Quoting.Quote(node.Text)} is no time-out.",
            "a handler decides within microseconds; the default is 100ms");
        return PolicyBudget.Default.Timeout;
    }

    public static PolicyStateSettings ReadState(PolicyContext context)
    {
        var state = context.Spec["state"];
        var scope = state?["scope"] is { } word ? Enum.Parse<PolicyStateScope>(word.Text, ignoreCase: true) : PolicyStateScope.Vm;
        return new PolicyStateSettings(scope, KeepOnReload: state?["onReload"]?.Text != "drop");
    }

    public static PolicyAlertSettings ReadAlerts(PolicyContext context)
    {
        var dedupe = context.Spec["alerts"]?["dedupe"];
        var window = dedupe?["window"] is { } node ? ReadDuration(context, node, node.Text) : TimeSpan.Zero;
        var fields = context.Spec["alerts"]?["fields"];
        return new PolicyAlertSettings(Texts(dedupe?["by"]), window)
        {
            Throttle = context.Spec["alerts"]?["throttle"] is { } throttle ? ReadThrottle(context, throttle) : null,
            EventFields = Texts(fields),
            FixedFields = [.. (fields?.Properties ?? []).Select(pair => new OutputField(pair.Key.Text, pair.Value.ToRaw()))],
        };
    }

    // The schema has checked the form; a time without a number is one of its unit.
    private static PolicyAlertThrottle ReadThrottle(PolicyContext context, YamlNode node)
    {
        var slash = node.Text.IndexOf('/', StringComparison.Ordinal);
        var window = node.Text[(slash + 1)..];
        return new PolicyAlertThrottle(
            long.Parse(node.Text.AsSpan(0, slash), CultureInfo.InvariantCulture),
            ReadDuration(context, node, char.IsAsciiDigit(window[0]) ? window : $"1{window}"));
    }

    public static PolicySeverity ReadSeverity(PolicyContext context)
    {
        var node = context.Spec["alerts"]?["severity"] ?? context.Metadata["severity"];
        return node is null ? PolicySeverity.Medium : Enum.Parse<PolicySeverity>(node.Text, ignoreCase: true);
    }

    public static IReadOnlyList<string> Texts(YamlNode? node) => [.. (node?.Items ?? []).Select(item => item.Text)];

    // The schema has checked the form; the largest number that it lets through is about a thousand gibibytes.
    private static long ReadBytes(string text)
    {
        var digits = text.AsSpan().IndexOfAnyExceptInRange('0', '9');
        return digits < 0
            ? long.Parse(text, CultureInfo.InvariantCulture)
            : long.Parse(text.AsSpan(0, digits), CultureInfo.InvariantCulture) * (text.EndsWith("MiB", StringComparison.Ordinal) ? 1024 * 1024 : 1024);
    }

    /// <summary>A duration whose form the schema has checked.</summary>
    public static TimeSpan ReadDuration(PolicyContext context, YamlNode node, string text)
    {
        if (Durations.TryParse(text, out var duration))
        {
            return duration;
        }

        context.Findings.Error(node, FindingCodes.OutOfRange, $"The duration {Quoting.Quote(text)} is too long.");
        return TimeSpan.Zero;
    }
}
