using System.Numerics;
using Kvmi.Protocol;

namespace Kvmi.Policy.Engine.OneLiners;

/// <summary>Finds an event that a one-liner is about, for the test of the policy that it becomes.</summary>
internal static class EventExample
{
    /// <summary>The fields of such an event, as a test writes them; null when the conditions say more than can be turned round.</summary>
    public static IReadOnlyList<(string Name, string Value)>? Of(OneLiner line)
    {
        var demands = line.Subject.Demands;

        // The guest of a test speaks v7, which does not tell the values of an XSETBV.
        if (line.Event.Kind == EventKind.Xsetbv && demands.Exists(demand => demand.Field is not ("rip" or "vcpu" or "cpl" or "cr3")))
        {
            return null;
        }

        var fields = Defaults(line.Event.Kind);
        foreach (var kind in new[] { DemandKind.Equal, DemandKind.AtLeast, DemandKind.AtMost, DemandKind.NotEqual })
        {
            foreach (var demand in demands.Where(demand => demand.Kind == kind))
            {
                if (!Fulfils(fields, demand))
                {
                    fields[demand.Field] = demand.Kind == DemandKind.NotEqual ? demand.Value + 0x10 : demand.Value;
                }
            }
        }

        foreach (var demand in demands.Where(demand => !Fulfils(fields, demand)))
        {
            var bit = demand.Kind is DemandKind.ClearsBit or DemandKind.SetsBit or DemandKind.ChangesBit ? 1UL << BitOperations.TrailingZeroCount(demand.Value) : 0;
            switch (demand.Kind)
            {
                case DemandKind.ClearsBit:
                    fields["old"] |= bit;
                    fields["new"] &= ~bit;
                    break;
                case DemandKind.SetsBit:
                    fields["old"] &= ~bit;
                    fields["new"] |= bit;
                    break;
                case DemandKind.ChangesBit:
                    fields["new"] = (fields["new"] & ~bit) | (~fields["old"] & bit);
                    break;
                case DemandKind.Changes:
                    fields["new"] = fields["old"] + 0x1000;
                    break;
            }
        }

        if (!demands.TrueForAll(demand => Fulfils(fields, demand)) || fields.GetValueOrDefault("cpl") is not (0 or 3))
        {
            return null;
        }

        // A test says the privilege level by the code and stack segments of Linux.
        if (fields.Remove("cpl", out var level))
        {
            fields["cs"] = level == 0 ? 0x10UL : 0x33;
        }

        return [.. fields.Select(field => (field.Key, Text(field.Key, field.Value)))];
    }

    private static Dictionary<string, ulong> Defaults(EventKind kind) => kind switch
    {
        EventKind.Cr => new() { ["cr"] = 4, ["old"] = 0x20, ["new"] = 0xa0 },
        EventKind.Msr => new() { ["msr"] = 0, ["old"] = 0x1000, ["new"] = 0x2000 },
        EventKind.Xsetbv => new() { ["xcr"] = 0, ["old"] = 1, ["new"] = 3 },
        EventKind.PageFault => new() { ["gpa"] = 0, ["gva"] = 0x401000, ["access"] = 0 },
        EventKind.Breakpoint => new() { ["gpa"] = 0x1000 },
        EventKind.Descriptor => new() { ["descriptor"] = 1, ["write"] = 1 },
        EventKind.Trap => new() { ["vector"] = 14, ["errorCode"] = 0, ["address"] = 0x401000 },
        EventKind.Cpuid => new() { ["function"] = 1 },
        _ => [],
    };

    private static bool Fulfils(Dictionary<string, ulong> fields, Demand demand)
    {
        var value = fields.GetValueOrDefault(demand.Field);
        var (old, @new) = (fields.GetValueOrDefault("old"), fields.GetValueOrDefault("new"));
        return demand.Kind switch
        {
            DemandKind.Equal => value == demand.Value && (fields.ContainsKey(demand.Field) || demand.Value == 0),
            DemandKind.NotEqual => value != demand.Value,
            DemandKind.AtLeast => value >= demand.Value,
            DemandKind.AtMost => value <= demand.Value,
            DemandKind.ClearsBit => (old & ~@new & demand.Value) != 0,
            DemandKind.SetsBit => (~old & @new & demand.Value) != 0,
            DemandKind.ChangesBit => ((old ^ @new) & demand.Value) != 0,
            DemandKind.Changes => old != @new,
            _ => false,
        };
    }

    private static string Text(string field, ulong value) => field switch
    {
        "access" => string.Concat((value & 1) != 0 ? "r" : "", (value & 2) != 0 ? "w" : "", (value & 4) != 0 ? "x" : ""),
        "descriptor" => ((DescriptorTable)value).ToString().ToLowerInvariant(),
        "write" => value == 1 ? "true" : "false",
        "cr" or "xcr" or "vcpu" or "vector" => value.ToString(System.Globalization.CultureInfo.InvariantCulture),
        _ => ExpressionReader.Hex(value),
    };
}
