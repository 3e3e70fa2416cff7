using System.Globalization;
using Kvmi.Policy.Engine.Code;
using Kvmi.Policy.Engine.Configuration.Yaml;
using Kvmi.Policy.Engine.Model;
using Kvmi.Protocol;

namespace Kvmi.Policy.Engine.Configuration.Reading;

/// <summary>One step of a test, and expectations.</summary>
internal static class TestStepReader
{
    // Keys that are not listed here are registers and the vCPU's number, which every event has.
    private static readonly Dictionary<string, EventKind[]> Fields = new(StringComparer.Ordinal)
    {
        ["cr"] = [EventKind.Cr],
        ["msr"] = [EventKind.Msr],
        ["old"] = [EventKind.Cr, EventKind.Msr, EventKind.Xsetbv],
        ["new"] = [EventKind.Cr, EventKind.Msr, EventKind.Xsetbv],
        ["gpa"] = [EventKind.PageFault, EventKind.Breakpoint],
        ["gva"] = [EventKind.PageFault],
        ["access"] = [EventKind.PageFault],
        ["descriptor"] = [EventKind.Descriptor],
        ["write"] = [EventKind.Descriptor],
        ["xcr"] = [EventKind.Xsetbv],
        ["vector"] = [EventKind.Trap],
        ["errorCode"] = [EventKind.Trap],
        ["address"] = [EventKind.Trap],
        ["function"] = [EventKind.Cpuid],
        ["index"] = [EventKind.Cpuid],
        ["failed"] = [EventKind.Singlestep],
    };

    private static readonly Dictionary<EventKind, string[]> Needed = new()
    {
        [EventKind.Cr] = ["cr", "new"],
        [EventKind.Msr] = ["msr", "new"],
        [EventKind.PageFault] = ["gpa", "access"],
        [EventKind.Breakpoint] = ["gpa"],
        [EventKind.Descriptor] = ["descriptor"],
        [EventKind.Trap] = ["vector"],
        [EventKind.Cpuid] = ["function"],
    };

    public static PolicyTestStep Read(PolicyContext context, YamlNode node, ref string? problem)
    {
        var info = PolicyEvents.Find(node["event"]!.Text)!;
        return new PolicyTestStep
        {
            Event = info.Kind,
            After = node["after"] is { } after ? SettingsSection.ReadDuration(context, after, after.Text) : null,
            Memory = TestMemoryReader.Read(context, node["memory"], ref problem),
            With = ReadFields(context, node["with"]!, info),
            Expect = node["expect"] is { } expect ? ReadExpectation(context, expect, info) : null,
            Location = context.At(node),
        };
    }

    public static PolicyTraceExpectation ReadTraceExpectation(PolicyContext context, YamlNode node) => new(
        ReadCounts(node["alerts"], text => text),
        ReadCounts(node["records"], text => text),
        ReadCounts(node["decisions"], DecisionWords.Parse))
    {
        At = ReadEvents(context, node["at"]),
    };

    private static Dictionary<long, PolicyTestExpectation> ReadEvents(PolicyContext context, YamlNode? node)
    {
        var events = new Dictionary<long, PolicyTestExpectation>();
        foreach (var (key, value) in node?.Properties ?? [])
        {
            // Which decisions are legal depends on the event, which only the trace knows.
            if (!YamlScalars.TryInteger(key.Text, out var number) || number < 1 || number > long.MaxValue || !events.TryAdd((long)number, ReadExpectation(context, value, null)))
            {
                context.Findings.Error(key, FindingCodes.TestField, string.Create(CultureInfo.InvariantCulture, $"{Quoting.Quote(key.Text)} is no number of an event, or stands here twice; the first event of a trace is 1."));
            }
        }

        return events;
    }

    private static Dictionary<TKey, int>? ReadCounts<TKey>(YamlNode? node, Func<string, TKey> key)
        where TKey : notnull => node?.Properties.ToDictionary(pair => key(pair.Key.Text), pair => (int)pair.Value.Integer);

    private static Dictionary<string, ulong> ReadFields(PolicyContext context, YamlNode with, PolicyEventInfo info)
    {
        var fields = new Dictionary<string, ulong>(StringComparer.Ordinal);
        foreach (var (key, value) in with.Properties)
        {
            if (Fields.TryGetValue(key.Text, out var kinds) && !kinds.Contains(info.Kind))
            {
                context.Findings.Error(key, FindingCodes.TestField, $"A {info.Name} event has no field '{key.Text}'.");
                continue;
            }

            fields[key.Text] = key.Text switch
            {
                "msr" => ReadMsr(context, value),
                "access" => (ulong)AccessWords.Parse(value.Text),
                "descriptor" => (ulong)Enum.Parse<DescriptorTable>(value.Text, ignoreCase: true),
                "write" or "failed" => value.IsTrue ? 1UL : 0UL,
                _ => (ulong)value.Integer,
            };
        }

        foreach (var name in Needed.GetValueOrDefault(info.Kind, []))
        {
            if (!with.HasKey(name))
            {
                context.Findings.Error(with, FindingCodes.TestField, $"A {info.Name} event needs the field '{name}'.");
            }
        }

        return fields;
    }

    private static ulong ReadMsr(PolicyContext context, YamlNode node)
    {
        var ranges = FilterReader.ReadMsrs(context, node);
        if (ranges.Count == 1 && ranges[0].First == ranges[0].Last)
        {
            return ranges[0].First;
        }

        if (ranges.Count > 0)
        {
            context.Findings.Error(node, FindingCodes.TestField, "An event has one MSR, not a range.");
        }

        return 0;
    }

    private static PolicyTestExpectation ReadExpectation(PolicyContext context, YamlNode node, PolicyEventInfo? info)
    {
        return new PolicyTestExpectation
        {
            Decision = ReadDecision(context, node["decision"], info),
            Value = node["value"] is { } value ? (ulong)value.Integer : null,
            Exception = node["exception"] is { } exception ? ExceptionNames.VectorOf(exception) : null,
            WouldHave = ReadDecision(context, node["wouldHave"], info),
            Alerts = node["alerts"] is { } alerts ? SettingsSection.Texts(alerts) : null,
            Records = node["records"] is { } records ? SettingsSection.Texts(records) : null,
            Pages = node["page"] is { } pages ? ReadPages(context, pages) : null,
            Registers = node["registers"]?.Properties.ToDictionary(pair => pair.Key.Text, pair => (ulong)pair.Value.Integer, StringComparer.Ordinal),
        };
    }

    private static DecisionKind? ReadDecision(PolicyContext context, YamlNode? node, PolicyEventInfo? info)
    {
        if (node is null)
        {
            return null;
        }

        var decision = DecisionWords.Parse(node.Text);
        if (info is not null && !info.IsLegal(decision))
        {
            context.Findings.Error(
                node, FindingCodes.TestField, $"The decision {node.Text} can never be the answer to a {info.Name} event.", $"possible: {string.Join(", ", info.Legal.Select(DecisionWords.NameOf))}");
        }

        return decision;
    }

    private static Dictionary<ulong, PageAccess> ReadPages(PolicyContext context, YamlNode node)
    {
        var pages = new Dictionary<ulong, PageAccess>();
        foreach (var (key, value) in node.Properties)
        {
            if (!YamlScalars.TryInteger(key.Text, out var address) || address < 0 || !pages.TryAdd((ulong)address, AccessWords.Parse(value.Text)))
            {
                context.Findings.Error(key, FindingCodes.TestField, string.Create(CultureInfo.InvariantCulture, $"The address {Quoting.Quote(key.Text)} is no 64-bit number, or stands here twice."));
            }
        }

        return pages;
    }
}
