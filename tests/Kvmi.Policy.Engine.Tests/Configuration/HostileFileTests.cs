using FsCheck;
using FsCheck.Fluent;
using Kvmi.Policy.Engine.Configuration;
using Kvmi.Policy.Engine.Findings;

namespace Kvmi.Policy.Engine.Tests.Configuration;

public class HostileFileTests
{
    private static readonly byte[][] Seeds =
        [.. new[] { PolicyText.Samples, PolicyText.Shipped }
            .SelectMany(folder => Directory.GetFiles(folder, "policy.yaml", SearchOption.AllDirectories))
            .Order(StringComparer.Ordinal)
            .Select(File.ReadAllBytes)];

    [Fact]
    public void Twenty_thousand_brackets_are_one_finding()
    {
        var result = PolicyText.Load(new string('[', 20_000));
        Assert.Equal("KP0105", Assert.Single(result.Findings).Code);
    }

    [Fact]
    public void Twenty_thousand_nested_mappings_are_one_finding()
    {
        var result = PolicyText.Load(string.Concat(Enumerable.Repeat("{a: ", 20_000)));
        Assert.Equal("KP0105", Assert.Single(result.Findings).Code);
    }

    [Fact]
    public void Too_many_nodes_are_one_finding()
    {
        var result = PolicyText.Load("a: [" + string.Concat(Enumerable.Repeat("1,", 60_000)) + "1]");
        Assert.Equal("KP0105", Assert.Single(result.Findings).Code);
    }

    [Theory]
    [InlineData("- ")]
    [InlineData("? ")]
    [InlineData("a: ")]
    [InlineData("{")]
    [InlineData("\"")]
    [InlineData("\n")]
    [InlineData("%YAML 1.1\n")]
    [InlineData("&a ")]
    [InlineData("!a ")]
    [InlineData("---\n")]
    [InlineData("|\n ")]
    [InlineData("word ")]
    [InlineData("a: 1\n")]
    [InlineData("#\n")]
    [InlineData("\t")]
    public void A_mebibyte_of_one_token_ends(string token)
    {
        var result = PolicyText.Load(string.Concat(Enumerable.Repeat(token, 1024 * 1024 / token.Length)));
        Assert.Null(result.Definition);
        Assert.NotEmpty(result.Findings);
    }

    [Fact]
    public void A_flood_of_errors_is_cut()
    {
        var text = PolicyText.Head + "  mode: audit\n  subscriptions: [{ event: cr, handler: A }]\n"
            + string.Concat(Enumerable.Range(0, 5_000).Select(number => $"  k{number}: 1\n"));
        var result = PolicyText.Load(text);
        Assert.Equal(101, result.Findings.Count);
        Assert.Equal("KP0117", result.Findings[^1].Code);
    }

    [Fact]
    public void A_file_of_more_than_a_mebibyte_is_refused()
    {
        var result = PolicyText.Load("# " + new string('x', 1024 * 1024));
        Assert.Equal("KP0102", Assert.Single(result.Findings).Code);
    }

    [Fact]
    public void Messages_hold_no_control_characters()
    {
        var result = PolicyText.Load(PolicyText.Head + "  mode: audit\n  \"\\e[31mred\\a\": 1\n  subscriptions: [{ event: cr, handler: A }]\n");
        Assert.DoesNotContain(result.Findings.Single().ToString(), char.IsControl);
    }

    [Fact]
    public void Mutated_policies_never_throw()
    {
        var gen =
            from seed in Gen.Choose(0, Seeds.Length - 1)
            from edits in Gen.ListOf(
                from kind in Gen.Choose(0, 3)
                from position in Gen.Choose(0, 100_000)
                from value in Gen.OneOf(Gen.Choose(0, 255), Gen.Elements('\n', ' ', ':', '-', '[', ']', '{', '}', '"', '&', '*', '!', '%', '|', '>', '?', '$').Select(c => (int)c))
                select (kind, position, value), 6)
            select (seed, edits);
        Prop.ForAll(gen.ToArbitrary(), sample => MustNotThrow(Mutate(Seeds[sample.seed], sample.edits)))
            .Check(Config.QuickThrowOnFailure.WithMaxTest(600));
    }

    [Fact]
    public void Random_bytes_never_throw() =>
        Prop.ForAll(Gen.Choose(0, 255).Select(value => (byte)value).ArrayOf().ToArbitrary(), MustNotThrow)
            .Check(Config.QuickThrowOnFailure.WithMaxTest(500));

    [Fact]
    public void Every_truncation_of_a_policy_ends_in_findings_or_a_policy()
    {
        foreach (var seed in Seeds)
        {
            for (var length = 0; length < seed.Length; length += 7)
            {
                MustNotThrow(seed[..length]);
            }
        }
    }

    private static void MustNotThrow(byte[] content)
    {
        var files = new MemoryPolicyFiles().Add(PolicyText.File, content).Add("p/a.csx", "");
        var result = PolicyFileLoader.Load(PolicyText.File, PolicyText.Options with { Files = files });
        Assert.Equal(result.Definition is null, result.Findings.Any(finding => finding.Severity == FindingSeverity.Error));
        Assert.All(result.Findings, finding => Assert.DoesNotContain(finding.ToString(), char.IsControl));
    }

    private static byte[] Mutate(byte[] seed, IEnumerable<(int Kind, int Position, int Value)> edits)
    {
        var bytes = new List<byte>(seed);
        foreach (var (kind, position, value) in edits)
        {
            var at = bytes.Count == 0 ? 0 : position % bytes.Count;
            switch (kind)
            {
                case 0 when bytes.Count > 0:
                    bytes[at] = (byte)value;
                    break;
                case 1 when bytes.Count > 0:
                    bytes.RemoveRange(at, Math.Min(value % 16, bytes.Count - at));
                    break;
                case 2:
                    bytes.Insert(at, (byte)value);
                    break;
                default:
                    bytes.RemoveRange(Math.Max(at, bytes.Count / 2), bytes.Count - Math.Max(at, bytes.Count / 2));
                    break;
            }
        }

        return [.. bytes];
    }
}
