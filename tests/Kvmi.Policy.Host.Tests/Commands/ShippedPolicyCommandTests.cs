using System.Text.Json;

namespace Kvmi.Policy.Host.Tests.Commands;

/// <summary>All shipped policies over every scenario that has an end: which alerts there are, and what becomes of the guest.</summary>
public sealed class ShippedPolicyCommandTests
{
    private static readonly Dictionary<string, string[]> Alerts = new(StringComparer.Ordinal)
    {
        ["boot"] = [],
        ["default"] = ["cr4-pin/cr4-unpin", "lstar-lock/lstar-hijack", "wx-guard/wx-execute"],
        ["faulty"] = ["cr4-pin/cr4-unpin", "lstar-lock/lstar-hijack", "wx-guard/wx-execute"],
        ["hot-plug"] = [],
        ["migration"] = ["lstar-lock/lstar-hijack"],
        ["probes"] = ["foreign-int3-watch/foreign-int3", "hypercall-watch/introspection-hypercall"],
        ["attacks"] =
        [
            "apic-base-lock/apic-moved", "cr0-pin/cr0-unpin", "cr4-pin/cr4-unpin", "efer-guard/efer-unpin", "foreign-int3-watch/foreign-int3",
            "hypervisor-guard/vmx-switched-on", "idt-page-guard/idt-write", "idtr-guard/table-load", "lstar-lock/lstar-hijack",
            "syscall-entry-guard/entry-patch", "syscall-msr-lock/syscall-msr-changed", "sysenter-lock/sysenter-hijack", "wx-guard/wx-execute",
        ],
    };

    private static readonly Dictionary<string, string> Harmed = new(StringComparer.Ordinal)
    {
        ["lstar"] = "hijacked",
        ["smep"] = "cleared",
        ["smap"] = "cleared",
        ["umip"] = "cleared",
        ["wp"] = "cleared",
        ["syscall-entry"] = "patched",
        ["idt"] = "moved",
        ["sysenter"] = "hijacked",
        ["sfmask"] = "weakened",
        ["sce"] = "cleared",
        ["apic-base"] = "moved",
        ["vmx"] = "on",
        ["payload-ran"] = "1",
        ["hijacked-gate-ran"] = "1",
    };

    private static readonly Dictionary<string, string> Protected = new(StringComparer.Ordinal)
    {
        ["lstar"] = "kept",
        ["smep"] = "kept",
        ["smap"] = "kept",
        ["umip"] = "kept",
        ["wp"] = "kept",
        ["syscall-entry"] = "kept",
        ["idt"] = "kept",
        ["sysenter"] = "kept",
        ["sfmask"] = "kept",
        ["sce"] = "kept",
        ["apic-base"] = "kept",
        ["vmx"] = "off",
    };

    public static TheoryData<string, string> Runs
    {
        get
        {
            var data = new TheoryData<string, string>();
            foreach (var scenario in Alerts.Keys)
            {
                data.Add(scenario, "audit");
                data.Add(scenario, "enforce");
            }

            return data;
        }
    }

    [Fact]
    public async Task Every_scenario_that_has_an_end_is_tried()
    {
        var listed = (await CommandProcess.RunAsync("simulate", "--list", "--json")).Expect(0).Json
            .Where(line => line.GetProperty("entry").GetString() == "scenario").Select(line => line.GetProperty("name").GetString()!);
        Assert.Equal(listed.Where(name => name != "load").Order(StringComparer.Ordinal), Alerts.Keys.Order(StringComparer.Ordinal));
    }

    [Theory]
    [MemberData(nameof(Runs))]
    public async Task The_alerts_are_these_and_the_guest_ends_as_written(string scenario, string mode)
    {
        using var directory = new TestDirectory();
        var result = (await CommandProcess.RunInAsync(directory.Path, "run", $"--simulate={scenario}", "--mode", mode, "--json")).Expect(0);
        AssertRun(result, scenario, mode);
    }

    [Theory]
    [InlineData("v11")]
    [InlineData("v12")]
    [InlineData("rfc-v5")]
    public async Task The_attacks_are_kept_out_in_the_other_dialects_too(string dialect)
    {
        using var directory = new TestDirectory();
        var result = (await CommandProcess.RunInAsync(
            directory.Path, "run", "--simulate=attacks", "--dialect", dialect, "--mode", "enforce", "--json")).Expect(0);
        AssertRun(result, "attacks", "enforce");
    }

    private static void AssertRun(CommandResult result, string scenario, string mode)
    {
        var guest = Assert.Single(result.Json, line => RunCommandTests.Summary(line) == "simulation");
        Assert.True(guest.GetProperty("endedAsWritten").GetBoolean());
        RunCommandTests.AssertAllAnswered(guest);
        var alerts = result.Json.Where(line => RunCommandTests.Type(line) == "alert")
            .Select(line => $"{line.GetProperty("policy").GetString()}/{line.GetProperty("name").GetString()}");
        Assert.Equal(Alerts[scenario].Order(StringComparer.Ordinal), alerts.Distinct().Order(StringComparer.Ordinal));

        // A deadline may be missed on a busy machine; nothing else may go wrong.
        Assert.All(
            result.Json.Where(line => RunCommandTests.Summary(line) == "policy"),
            policy => Assert.Equal(policy.GetProperty("timeouts").GetInt64(), policy.GetProperty("errors").GetInt64()));
        Assert.DoesNotContain(
            result.Json, line => RunCommandTests.Type(line) == "status" && line.GetProperty("status").GetString() is "refused" or "quarantined" or "lease-error");
        if (scenario == "attacks")
        {
            var known = Harmed.Keys.ToHashSet(StringComparer.Ordinal);
            var consequences = guest.GetProperty("consequences").EnumerateArray().Where(entry => OfFirst(entry) && known.Contains(NameOf(entry)))
                .ToDictionary(NameOf, entry => entry.GetProperty("value").GetString()!, StringComparer.Ordinal);
            Assert.Equal(mode == "audit" ? Harmed : Protected, consequences);
        }
    }

    private static bool OfFirst(JsonElement entry) => entry.TryGetProperty("vcpu", out var vcpu) && vcpu.GetInt32() == 0;

    private static string NameOf(JsonElement entry) => entry.GetProperty("name").GetString()!;
}
