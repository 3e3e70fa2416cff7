using System.Globalization;
using Kvmi.Policy.Engine.Configuration;
using Kvmi.Policy.Engine.Configuration.Rules;
using Kvmi.Policy.Engine.Model;

namespace Kvmi.Policy.Engine.Tests.Configuration;

/// <summary>Which clashes are found stands in the corpus (sets); here is how many, and what the way of loading changes.</summary>
public sealed class DeclaredClashTests
{
    private const string Set1 = "subscriptions: [{ event: cr, when: { cr: 4 }, then: { decision: set, value: 1 } }]";
    private const string Set2 = "subscriptions: [{ event: cr, when: { cr: 4 }, then: { decision: set, value: 2 } }]";

    [Fact]
    public void Modes_of_the_load_count_and_not_those_of_the_files()
    {
        Assert.Empty(Load(("a", "audit", Set1), ("b", "enforce", Set2)).Findings);
        Assert.Equal("KP0341", Assert.Single(Load(PolicyMode.Enforce, ("a", "audit", Set1), ("b", "enforce", Set2)).Findings).Code);
        Assert.Empty(Load(PolicyMode.Audit, ("a", "enforce", Set1), ("b", "enforce", Set2)).Findings);
    }

    [Fact]
    public void A_clash_keeps_the_set_from_loading() => Assert.True(Load(("a", "enforce", Set1), ("b", "enforce", Set2)).HasErrors);

    [Fact]
    public void Many_clashes_are_shown_up_to_a_number_and_then_it_says_so()
    {
        var policies = Enumerable.Range(0, 60).Select(i => (i.ToString("d3", CultureInfo.InvariantCulture), "enforce", Set1.Replace("value: 1", $"value: {i}", StringComparison.Ordinal)));
        var findings = Load([.. policies]).Findings;
        Assert.Equal(DeclaredClashes.MostFindings + 1, findings.Count);
        Assert.Equal("KP0343", findings[^1].Code);
    }

    private static PolicySetLoadResult Load(params (string Id, string Mode, string Spec)[] policies) => Load(null, policies);

    private static PolicySetLoadResult Load(PolicyMode? mode, params (string Id, string Mode, string Spec)[] policies)
    {
        var files = new MemoryPolicyFiles();
        foreach (var (id, own, spec) in policies)
        {
            files.Add($"set/{id}/policy.yaml", $"apiVersion: kvmi.policy/v1\nkind: Policy\nmetadata: {{ id: p{id}, version: 1.0.0 }}\nspec:\n  mode: {own}\n  {spec}\n");
        }

        return PolicySetLoader.Load(["set"], PolicyText.Options with { Files = files, Mode = mode });
    }
}
