using System.Globalization;

namespace Kvmi.Benchmarks.Policies;

/// <summary>Writes sets of script policies for measurements. Each looks at a value, keeps state by vCPU, and allows.</summary>
internal static class PolicyWriter
{
    /// <summary>What the policies are to do.</summary>
    internal sealed record Wish
    {
        /// <summary>Policies whose handler runs at every event.</summary>
        public int Matching { get; init; }

        /// <summary>Policies that wait for MSRs that nobody writes: the dispatch table does not even name them.</summary>
        public int OfOtherKeys { get; init; }

        /// <summary>Policies that wait for CR3 values that nobody writes: their filters are looked at and say no.</summary>
        public int Filtered { get; init; }

        /// <summary>cr, msr or pf.</summary>
        public string Kind { get; init; } = "cr";

        /// <summary>audit or enforce.</summary>
        public string Mode { get; init; } = "enforce";

        /// <summary>READ_PHYSICAL commands that each matching handler sends.</summary>
        public int Reads { get; init; }

        /// <summary>The handler sends them with one call.</summary>
        public bool Together { get; init; }

        /// <summary>Each matching handler raises an alert for every event, with other fields each time.</summary>
        public bool Alerts { get; init; }

        /// <summary>Each matching handler loops until somebody ends it.</summary>
        public bool Hangs { get; init; }
    }

    /// <summary>Writes a set.</summary>
    /// <param name="directory">A directory that does not exist yet.</param>
    /// <param name="wish">What the policies are to do.</param>
    /// <returns>The directory.</returns>
    public static string Write(string directory, Wish wish)
    {
        Directory.CreateDirectory(directory);
        for (var i = 0; i < wish.Matching; i++)
        {
            Write(directory, $"match-{i:0000}", wish.Kind, Matching(wish.Kind), wish, Body(wish));
        }

        for (var i = 0; i < wish.OfOtherKeys; i++)
        {
            Write(directory, $"other-{i:0000}", "msr", string.Create(CultureInfo.InvariantCulture, $"when: {{ msr: 0x{0x200 + i:x} }}"), wish, "");
        }

        for (var i = 0; i < wish.Filtered; i++)
        {
            var value = 0x7000_0000_0000 + ((long)i << 12);
            Write(directory, $"filter-{i:0000}", "cr", string.Create(CultureInfo.InvariantCulture, $"when: {{ cr: 3, new: 0x{value:x} }}"), wish, "");
        }

        return directory;
    }

    private static string Matching(string kind) => kind switch
    {
        "cr" => "when: { cr: 3 }",
        "msr" => "when: { msr: lstar }",
        _ => "when: { range: 0x11000-0x12000, access: w }",
    };

    private static string Body(Wish wish)
    {
        if (wish.Hangs)
        {
            return "    ulong n = 0; while (n != ulong.MaxValue) n = (n + 1) >> 1;\n";
        }

        var body = "";
        for (var i = 0; i < wish.Reads && wish.Together; i++)
        {
            body += string.Create(CultureInfo.InvariantCulture, $"    ranges[{i}] = new(0x{0x10000 + (i << 12):x}, 64);\n");
        }

        body += wish.Together ? "    if (!Memory.TryReadPhysical(ranges, all, found)) Alert(\"unreadable\");\n" : "";
        for (var i = 0; i < wish.Reads && !wish.Together; i++)
        {
            body += string.Create(CultureInfo.InvariantCulture, $"    if (!Memory.TryReadPhysical(0x{0x10000 + (i << 12):x}, buffer)) Alert(\"unreadable\");\n");
        }

        return wish.Alerts ? body + "    Alert(\"seen\", new { e.Vcpu, e.Old, e.New });\n" : body;
    }

    private static void Write(string directory, string name, string kind, string when, Wish wish, string body)
    {
        var type = kind switch
        {
            "cr" => "CrEvent",
            "msr" => "MsrEvent",
            _ => "PageFaultEvent",
        };
        var value = kind == "pf" ? "e.Gpa" : "e.New";

        // What the load never sends: an address of user mode is no LSTAR, one of the kernel no page table.
        var outside = kind == "msr" ? "< 0x8000_0000_0000" : "> 0x7fff_ffff_f000";
        var folder = Directory.CreateDirectory(Path.Combine(directory, name)).FullName;
        var budget = wish.Hangs ? "  budget: { timeout: 20ms, fuel: 1000000000 }\n  onError: { decision: allow, quarantineAfter: never }\n" : "";
        var watch = kind == "pf" ? "  watch: [{ range: 0x11000-0x12000, access: r-x }]" : "";
        File.WriteAllText(
            Path.Combine(folder, "policy.yaml"),
            $$"""
            apiVersion: kvmi.policy/v1
            kind: Policy
            metadata: { id: bench.{{name}}, version: 1.0.0, title: Benchmark }
            spec:
              mode: {{wish.Mode}}
            {{watch}}
              subscriptions:
                - event: {{kind}}
                  {{when}}
                  handler: OnEvent
            {{budget}}
            """);
        var buffer = (wish.Reads, wish.Together) switch
        {
            (0, _) => "",
            (_, false) => "var buffer = new byte[64];\n",
            (var reads, true) => string.Create(
                CultureInfo.InvariantCulture,
                $"var ranges = new GuestRange[{reads}];\nvar all = new byte[{64 * reads}];\nvar found = new bool[{reads}];\n"),
        };
        File.WriteAllText(
            Path.Combine(folder, $"{name}.csx"),
            $$"""
            var last = State.Map<ushort, ulong>("last", 256);
            {{buffer}}
            Decision OnEvent({{type}} e)
            {
                if ({{value}} {{outside}})
                    Alert("outside");
            {{body}}    last.TrySet(e.Vcpu, {{value}});
                return Allow;
            }
            """);
    }
}
