using Kvmi.Policy.Engine.Code;
using Kvmi.Policy.Engine.Configuration.Yaml;
using Kvmi.Policy.Engine.Model;
using Kvmi.Protocol;

namespace Kvmi.Policy.Engine.Configuration.Reading;

/// <summary>Reads <c>when</c> of subscriptions and exceptions.</summary>
internal static class FilterReader
{
    // Keys that are not listed here (rip, cpl, cr3, vcpu) fit every event; vm belongs to exceptions.
    private static readonly Dictionary<string, EventKind[]> Fitting = new(StringComparer.Ordinal)
    {
        ["cr"] = [EventKind.Cr],
        ["msr"] = [EventKind.Msr],
        ["changed"] = [EventKind.Cr, EventKind.Msr, EventKind.Xsetbv],
        ["changedBits"] = [EventKind.Cr, EventKind.Msr, EventKind.Xsetbv],
        ["clearedBits"] = [EventKind.Cr, EventKind.Msr, EventKind.Xsetbv],
        ["setBits"] = [EventKind.Cr, EventKind.Msr, EventKind.Xsetbv],
        ["new"] = [EventKind.Cr, EventKind.Msr, EventKind.Xsetbv],
        ["old"] = [EventKind.Cr, EventKind.Msr, EventKind.Xsetbv],
        ["access"] = [EventKind.PageFault],
        ["range"] = [EventKind.PageFault, EventKind.Breakpoint],
        ["gpa"] = [EventKind.PageFault, EventKind.Breakpoint],
        ["gva"] = [EventKind.PageFault],
        ["descriptor"] = [EventKind.Descriptor],
        ["write"] = [EventKind.Descriptor],
        ["xcr"] = [EventKind.Xsetbv],
        ["vector"] = [EventKind.Trap],
        ["function"] = [EventKind.Cpuid],
        ["index"] = [EventKind.Cpuid],
        ["failed"] = [EventKind.Singlestep],
    };

    /// <summary>Reads a filter that must fit at least one of the events.</summary>
    public static EventFilter Read(PolicyContext context, YamlNode when, IReadOnlyCollection<EventKind> events)
    {
        foreach (var (key, _) in when.Properties)
        {
            CheckFit(context, key, events);
        }

        if (when["changed"] is { IsTrue: false } changed)
        {
            context.Findings.Error(changed, FindingCodes.FilterNeverMatches, "KVM never reports a write that changes nothing, so this filter matches no event.", "leave the key out");
        }

        if (when["gpa"] is { } gpa && when.HasKey("range"))
        {
            context.Findings.Error(gpa, FindingCodes.DuplicateName, "gpa and range mean the same.", "keep one of them");
        }

        var values = new ValueSetReader(context);
        var msrs = ReadMsrs(context, when["msr"]);
        var cr = when["cr"] is { } number ? (int)number.Integer : (int?)null;
        var bits = BitNames.Of(cr, msrs, when.HasKey("xcr") || events.All(kind => kind == EventKind.Xsetbv));
        return new EventFilter
        {
            Cr = cr,
            Xcr = when["xcr"] is { } xcr ? (int)xcr.Integer : null,
            Msrs = msrs,
            ChangedBits = ReadMask(context, when["changedBits"], bits),
            ClearedBits = ReadMask(context, when["clearedBits"], bits),
            SetBits = ReadMask(context, when["setBits"], bits),
            NewValues = values.Read(when["new"]),
            OldValues = values.Read(when["old"]),
            Access = when["access"] is { } access ? AccessWords.Parse(access.Text) : null,
            Gpa = values.Read(when["gpa"] ?? when["range"]),
            Gva = values.Read(when["gva"]),
            Rip = values.Read(when["rip"]),
            Cpl = when["cpl"] is { } cpl ? (int)cpl.Integer : null,
            Cr3 = values.Read(when["cr3"]),
            Vcpus = values.Read(when["vcpu"]),
            Descriptor = when["descriptor"] is { } table ? Enum.Parse<DescriptorTable>(table.Text, ignoreCase: true) : null,
            DescriptorWrite = when["write"]?.IsTrue,
            Vectors = values.Read(when["vector"]),
            Functions = values.Read(when["function"]),
            Indexes = values.Read(when["index"]),
            Failed = when["failed"]?.IsTrue,
        };
    }

    /// <summary>Reads MSR numbers and checks that KVM can intercept them; empty when the key is absent.</summary>
    public static IReadOnlyList<ValueRange> ReadMsrs(PolicyContext context, YamlNode? node)
    {
        var errors = context.Findings.Errors;
        var ranges = new ValueSetReader(context, MsrNames.Find, MsrNames.All).Read(node);
        foreach (var range in ranges)
        {
            if (context.Findings.Errors == errors && !MsrNames.IsControllable(range) && range.First != ulong.MaxValue)
            {
                var what = range.First == range.Last ? $"MSR 0x{range.First:x}" : $"The range of MSRs 0x{range.First:x} to 0x{range.Last:x}";
                context.Findings.Error(node!, FindingCodes.MsrNotControllable, $"{what} cannot be intercepted: KVM covers 0 to 0x1fff and 0xc0000000 to 0xc0001fff.");
            }
        }

        return ranges;
    }

    private static void CheckFit(PolicyContext context, YamlNode key, IReadOnlyCollection<EventKind> events)
    {
        if (!Fitting.TryGetValue(key.Text, out var kinds) || kinds.Any(events.Contains))
        {
            return;
        }

        var names = string.Join(", ", events.Select(kind => PolicyEvents.Find(kind)?.Name));
        var fitting = string.Join(" and ", kinds.Select(kind => PolicyEvents.Find(kind)?.Name));
        context.Findings.Error(key, FindingCodes.FilterDoesNotFit, $"The filter '{key.Text}' belongs to {fitting} events and can never match {names}.", "leave it out, or subscribe to the other event");
    }

    private static ulong? ReadMask(PolicyContext context, YamlNode? node, IReadOnlyDictionary<string, int>? names)
    {
        if (node is null)
        {
            return null;
        }

        if (node.Kind == YamlNodeKind.Sequence)
        {
            ulong all = 0;
            foreach (var item in node.Items)
            {
                all |= ReadMask(context, item, names) ?? 0;
            }

            return all;
        }

        if (node.Scalar == YamlScalarKind.Integer)
        {
            return (ulong)node.Integer;
        }

        if (!node.Text.StartsWith('$'))
        {
            return ReadBitName(context, node, names);
        }

        var declaration = References.Find(context, node, "integers", ParameterType.Int);
        if (declaration is null || !context.Parameters.TryGetValue(declaration.Name, out var parameter))
        {
            return null;
        }

        if (parameter.Value is long and > 0)
        {
            return (ulong)(long)parameter.Value;
        }

        context.Findings.Error(node, FindingCodes.BadReference, $"The parameter {declaration.Name} is no bit mask: one integer above 0 is needed.");
        return null;
    }

    private static ulong? ReadBitName(PolicyContext context, YamlNode node, IReadOnlyDictionary<string, int>? names)
    {
        if (names is null)
        {
            context.Findings.Error(
                node,
                FindingCodes.BitName,
                $"Expected a bit mask such as 0x100000, or $parameter, found {node.Describe()}.",
                "names of bits need the one register that has them: cr: 0, cr: 4, msr: efer, msr: debugctl, or xsetbv");
            return null;
        }

        if (names.TryGetValue(node.Text, out var bit))
        {
            return 1UL << bit;
        }

        context.Findings.Error(
            node,
            FindingCodes.BitName,
            $"The register has no bit of the name {Quoting.Quote(node.Text)}; its bits are {string.Join(", ", names.Keys)}.",
            Spelling.Hint(node.Text, [.. names.Keys]));
        return null;
    }
}
