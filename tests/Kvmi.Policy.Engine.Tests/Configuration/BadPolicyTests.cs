using Kvmi.Policy.Engine.Configuration;

namespace Kvmi.Policy.Engine.Tests.Configuration;

/// <summary>Bad files that are no text, or that need more than one file; the others are in the corpus (<see cref="CorpusTests"/>).</summary>
public class BadPolicyTests
{
    private const string Sub = "  subscriptions: [{ event: cr, handler: A }]\n";

    [Fact]
    public void Bytes_that_are_no_text_are_shown_with_their_place()
    {
        foreach (var bad in new byte[] { 0, 0xff })
        {
            var files = new MemoryPolicyFiles().Add(PolicyText.File, [.. "a: 1\nb: "u8, bad, .. "\n"u8]);
            var result = PolicyFileLoader.Load(PolicyText.File, PolicyText.Options with { Files = files });
            Assert.StartsWith("p/policy.yaml:2:4: error KP0103:", Assert.Single(result.Findings).ToString(), StringComparison.Ordinal);
        }
    }

    [Fact]
    public void A_file_that_is_not_there_is_a_finding() =>
        Assert.Equal("KP0101", Assert.Single(PolicyFileLoader.Load("nowhere/policy.yaml", PolicyText.Options).Findings).Code);

    [Fact]
    public void No_script_and_several_scripts_are_errors()
    {
        var text = PolicyText.Head + "  mode: audit\n" + Sub;
        var none = PolicyFileLoader.Load(PolicyText.File, PolicyText.Options with { Files = new MemoryPolicyFiles().Add(PolicyText.File, text) });
        Assert.Equal("KP0208", Assert.Single(none.Findings).Code);
        var files = new MemoryPolicyFiles().Add(PolicyText.File, text).Add("p/a.csx", "").Add("p/b.csx", "");
        var several = PolicyFileLoader.Load(PolicyText.File, PolicyText.Options with { Files = files });
        Assert.Equal("KP0209", Assert.Single(several.Findings).Code);
    }

    [Fact]
    public void Overrides_are_checked_like_defaults()
    {
        const string Spec = "  mode: audit\n  parameters: { size: { type: int, default: 1, max: 9 } }\n" + Sub;
        Assert.Equal("KP0245", Assert.Single(PolicyText.LoadSpec(Spec, With("siez", 1)).Findings).Code);
        Assert.Equal("KP0212", Assert.Single(PolicyText.LoadSpec(Spec, With("size", 10)).Findings).Code);
        Assert.Equal("KP0211", Assert.Single(PolicyText.LoadSpec(Spec, With("size", "1")).Findings).Code);
    }

    [Fact]
    public void All_errors_of_one_step_are_reported_together_in_the_order_of_the_file()
    {
        var result = PolicyText.LoadSpec("  modee: audit\n  priority: x\n" + Sub);
        Assert.Equal(["KP0111", "KP0112", "KP0113"], result.Findings.Select(finding => finding.Code));
    }

    private static PolicyLoadOptions With(string name, object value) => PolicyText.Options with
    {
        Site = SiteText.Gives(name, value),
    };
}
