using Kvmi.Policy.Engine.Configuration;

namespace Kvmi.Policy.Engine.Tests.Configuration;

/// <summary>Slips of the first hour in the policy file, and what the message says to do about them.</summary>
public sealed class AuthorMistakeTests
{
    [Theory]
    [InlineData("0xffffffff81e0008O", "'O' is no hexadecimal digit: 0 to 9 and a to f")]
    [InlineData("0xffffffff81e00080h", "'h' is no hexadecimal digit: 0 to 9 and a to f")]
    [InlineData("0x", "digits are missing behind 0x")]
    [InlineData("0X12G4", "'G' is no hexadecimal digit: 0 to 9 and a to f")]
    public void A_bad_hexadecimal_number_names_what_is_wrong_in_it(string number, string hint)
    {
        var spec = $$"""
              mode: audit
              subscriptions: [{ event: msr, when: { msr: lstar }, then: { decision: keep } }]
              tests:
                - name: t
                  steps: [{ event: msr, with: { msr: lstar, new: {{number}} } }]
            """;
        var finding = Assert.Single(PolicyText.LoadSpec(spec).Findings);
        Assert.Equal((FindingCodes.WrongType, 11, hint), (finding.Code, finding.Location.Line, finding.Hint));
    }

    [Fact]
    public void A_tab_is_named_where_it_stands()
    {
        var finding = Assert.Single(PolicyText.LoadSpec("  mode: audit\n\n  subscriptions:\n    - event: msr\n  \t  handler: On\n").Findings);
        Assert.Equal((FindingCodes.YamlSyntax, 11, 3), (finding.Code, finding.Location.Line, finding.Location.Column));
        Assert.Equal("use spaces", finding.Hint);
    }

    [Fact]
    public void A_tab_elsewhere_is_not_blamed_for_another_mistake()
    {
        var finding = Assert.Single(PolicyText.LoadSpec("  mode: audit\t# a tab here is fine\n  subscriptions: [}\n").Findings);
        Assert.Equal(FindingCodes.YamlSyntax, finding.Code);
        Assert.DoesNotContain("tab", finding.Message, StringComparison.Ordinal);
    }
}
