using Kvmi.Policy.Engine.Code;
using Kvmi.Policy.Engine.Configuration;
using Kvmi.Policy.Engine.Model;

namespace Kvmi.Policy.Engine.Tests.Configuration;

public class ShippedPolicyTests
{
    private static readonly PolicySetLoadResult Shipped = PolicySetLoader.Load([PolicyText.Shipped], PolicyText.Options);

    [Fact]
    public void Every_shipped_policy_loads_without_a_finding()
    {
        Assert.Empty(Shipped.Findings);
        Assert.NotEmpty(Shipped.Policies);
        var folders = Directory.GetDirectories(PolicyText.Shipped).Select(Path.GetFileName).Order(StringComparer.Ordinal);
        Assert.Equal(folders, Shipped.Policies.Select(policy => policy.Id).Order(StringComparer.Ordinal));
        Assert.Equal(Shipped.Policies.Count, Shipped.Files.Count);
    }

    [Fact]
    public void Every_shipped_policy_has_a_positive_a_negative_and_a_mode_test()
    {
        foreach (var policy in Shipped.Policies)
        {
            var expectations = policy.Tests.SelectMany(test => test.Steps).Select(step => step.Expect).OfType<PolicyTestExpectation>().ToArray();

            // The census is a plugin that raises no alert: that it never does is its whole promise.
            Assert.True(policy.Code.Plugin is not null || expectations.Any(expect => expect.Alerts is { Count: > 0 }), policy.Id);
            Assert.Contains(expectations, expect => expect.Alerts is { Count: 0 });
            Assert.Contains(policy.Tests, test => (test.Mode ?? policy.Mode) == PolicyMode.Audit);
            Assert.Contains(policy.Tests, test => (test.Mode ?? policy.Mode) == PolicyMode.Enforce);
            Assert.All(policy.Tests, test => Assert.Null(test.Problem));
        }
    }

    [Fact]
    public void Every_shipped_policy_names_the_schema_and_tells_attack_mechanism_and_cost()
    {
        foreach (var policy in Shipped.Policies)
        {
            Assert.StartsWith("# yaml-language-server: $schema=../../policy-schema.yaml\n", File.ReadAllText(policy.File), StringComparison.Ordinal);
            Assert.Contains("Attack:", policy.Description, StringComparison.Ordinal);
            Assert.Contains("Mechanism:", policy.Description, StringComparison.Ordinal);
            Assert.Contains("Cost:", policy.Description, StringComparison.Ordinal);
        }
    }

    [Fact]
    public void The_table_of_the_page_says_what_the_files_say()
    {
        var rows = File.ReadLines(Path.Combine(PolicyText.Shipped, "README.md")).Where(line => line.StartsWith("| [", StringComparison.Ordinal));
        Assert.Equal(Shipped.Policies.OrderBy(policy => policy.Id, StringComparer.Ordinal).Select(RowOf), rows);
    }

    private static string RowOf(PolicyDefinition policy)
    {
        var events = string.Join(", ", policy.Subscriptions.Select(subscription => PolicyEvents.Find(subscription.Event)!.Name).Distinct());
        var cost = policy.Description[(policy.Description.IndexOf("Cost:", StringComparison.Ordinal) + "Cost:".Length)..].Trim();
        var harmless = policy.FalsePositives.Count == 0 ? "none: it only counts" : string.Join("; ", policy.FalsePositives);
        return $"| [{policy.Id}]({policy.Id}/policy.yaml) | {policy.Title} | {events} | {policy.Mode.ToString().ToLowerInvariant()} | {cost} | {harmless} |";
    }

    [Theory]
    [InlineData("cr3-watch", new[] { "KP0308" })]
    [InlineData("lstar-lock", new[] { "KP0247", "KP0307" })]
    [InlineData("wx-guard", new[] { "KP0307", "KP0308" })]
    public void The_design_samples_load_as_they_stand_with_warnings_only(string name, string[] codes)
    {
        var options = PolicyText.Options with { AllowMissingParameters = true };
        var result = PolicyFileLoader.Load(Path.Combine(PolicyText.Samples, name, "policy.yaml"), options);
        Assert.NotNull(result.Definition);
        Assert.Equal($"t0.{name}", result.Definition.Id);
        Assert.Equal(codes, result.Findings.Select(finding => finding.Code).Order());
    }

    [Fact]
    public void A_sample_loads_for_a_test_with_the_tests_own_parameters()
    {
        var file = Path.Combine(PolicyText.Samples, "wx-guard", "policy.yaml");
        var first = PolicyFileLoader.Load(file, PolicyText.Options with { AllowMissingParameters = true }).Definition!;
        Assert.Equal(["ranges"], first.MissingParameters);
        Assert.Empty(first.Watch[0].Ranges);
        Assert.False(first.Subscriptions[0].Filter.Gpa[0].Contains(0x1005000));

        var test = first.Tests[0];
        var second = PolicyFileLoader.Load(file, PolicyText.Options with { TestParameters = test.Parameters }).Definition!;
        Assert.Empty(second.MissingParameters);
        Assert.Equal(new ValueRange(0x1000000, 0x11fffff), second.Watch[0].Ranges[0]);
        Assert.Equal(new ValueRange(0x1000000, 0x11fffff), second.Subscriptions[0].Filter.Gpa[0]);
    }

    [Fact]
    public void A_required_parameter_without_a_value_keeps_a_sample_from_running()
    {
        var result = PolicyFileLoader.Load(Path.Combine(PolicyText.Samples, "cr3-watch", "policy.yaml"), PolicyText.Options);
        Assert.Null(result.Definition);
        var error = Assert.Single(result.Findings, finding => finding.Code == "KP0213");
        Assert.Contains("guestRamTop", error.Message, StringComparison.Ordinal);
        Assert.Contains("t0.cr3-watch/guestRamTop", error.Hint, StringComparison.Ordinal);
    }

    [Fact]
    public void The_parts_of_a_sample_arrive_in_the_model()
    {
        var result = PolicyFileLoader.Load(Path.Combine(PolicyText.Samples, "lstar-lock", "policy.yaml"), PolicyText.Options);
        var policy = result.Definition!;
        Assert.Equal(PolicyMode.Enforce, policy.Mode);
        Assert.Equal(PolicySeverity.High, policy.Severity);
        Assert.Equal(new ValueRange(0xc0000082, 0xc0000082), Assert.Single(policy.Subscriptions[0].Filter.Msrs));
        Assert.Equal(new PolicyErrorHandling(DecisionKind.Keep, 3, TimeSpan.FromMinutes(1)), policy.OnError);
        Assert.EndsWith("lstar-lock.csx", policy.Code.ScriptFile, StringComparison.Ordinal);

        // Its only exception is for VMs with a tag, and no site is given: it must hold for none, not for all.
        Assert.Equal([], Assert.Single(policy.Exceptions).TaggedNames!);
        Assert.Equal(4, policy.Tests.Count);
        Assert.Equal(0xffffffff81e00080UL, policy.Tests[1].Steps[1].Expect!.Value);
        Assert.Equal(DecisionKind.Keep, policy.Tests[2].Steps[0].Expect!.WouldHave);
        Assert.Equal(PolicyMode.Audit, policy.Tests[2].Mode);
        Assert.NotNull(policy.Tests[3].Problem);
        Assert.Equal(1, policy.Tests[3].TraceExpect!.Alerts!["lstar-hijack"]);
        Assert.Equal(1, policy.Tests[3].TraceExpect!.Decisions![DecisionKind.Keep]);
    }
}
