using Kvmi.Policy.Engine.Configuration;

namespace Kvmi.Policy.Engine.Tests.Configuration;

public class PolicySetLoaderTests
{
    [Fact]
    public void Policies_come_in_the_order_of_their_paths_and_bad_ones_do_not_hide_good_ones()
    {
        var files = new MemoryPolicyFiles()
            .Add("set/b/policy.yaml", Minimal("b"))
            .Add("set/a/policy.yaml", Minimal("a"))
            .Add("set/c/x.policy.yaml", Minimal("c"))
            .Add("set/d/policy.yaml", "kind: 1")
            .Add("set/.git/policy.yaml", Minimal("hidden"))
            .Add("set/e/notes.yaml", "x: 1");
        var result = PolicySetLoader.Load(["set"], PolicyText.Options with { Files = files });
        Assert.Equal(["a", "b", "c"], result.Policies.Select(policy => policy.Id));
        Assert.Equal(4, result.Files.Count);
        Assert.True(result.HasErrors);
        Assert.All(result.Findings, finding => Assert.Equal("set/d/policy.yaml", finding.Location.File));
    }

    [Fact]
    public void Two_policies_of_one_id_are_an_error_that_names_both_places()
    {
        var files = new MemoryPolicyFiles().Add("set/a/policy.yaml", Minimal("same")).Add("set/b/policy.yaml", Minimal("same"));
        var result = PolicySetLoader.Load(["set"], PolicyText.Options with { Files = files });
        var finding = Assert.Single(result.Findings);
        Assert.Equal("KP0225", finding.Code);
        Assert.Equal("set/b/policy.yaml:4:7", finding.Location.ToString());
        Assert.Contains("set/a/policy.yaml:4:7", finding.Message, StringComparison.Ordinal);
        Assert.Equal("set/a/policy.yaml", Assert.Single(result.Policies).File);
    }

    [Fact]
    public void A_file_may_be_named_itself_and_a_missing_path_is_an_error()
    {
        var files = new MemoryPolicyFiles().Add("set/a/policy.yaml", Minimal("a"));
        var result = PolicySetLoader.Load(["set/a/policy.yaml", "set", "nowhere"], PolicyText.Options with { Files = files });
        Assert.Equal("a", Assert.Single(result.Policies).Id);
        Assert.Equal("nowhere: error KP0226: There is no such directory or file.", Assert.Single(result.Findings).ToString());
    }

    [Fact]
    public void The_search_has_a_bottom()
    {
        var files = new MemoryPolicyFiles().Add("set/1/2/3/4/5/6/7/policy.yaml", Minimal("deep"));
        var result = PolicySetLoader.Load(["set"], PolicyText.Options with { Files = files });
        Assert.Empty(result.Policies);
        Assert.Equal("KP0226", Assert.Single(result.Findings).Code);
    }

    [Fact]
    public void The_disk_source_reads_at_most_one_byte_more_than_the_limit()
    {
        var path = Path.Combine(AppContext.BaseDirectory, "policy-schema.yaml");
        Assert.Equal(101, DiskPolicyFileSource.Instance.Read(path, 100).Length);
        Assert.Equal(File.ReadAllBytes(path), DiskPolicyFileSource.Instance.Read(path, 1 << 20));
    }

    private static string Minimal(string id) => $$"""
        apiVersion: kvmi.policy/v1
        kind: Policy
        metadata:
          id: {{id}}
          version: 1.0.0
        spec:
          mode: audit
          subscriptions: [{ event: cr, then: { decision: allow, alert: seen } }]
        """;
}
