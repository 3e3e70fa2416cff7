using System.Text;
using FsCheck;
using FsCheck.Fluent;
using Kvmi.Policy.Engine.Configuration;
using Kvmi.Policy.Engine.Configuration.Schema;
using Kvmi.Policy.Engine.Configuration.Yaml;
using Kvmi.Policy.Engine.Findings;

namespace Kvmi.Policy.Engine.Tests.Configuration;

/// <summary>
/// The files under tests/Fixtures/policies, each with what the loader says about it in NAME.expected. After a wanted change of a message
/// KVMI_POLICY_ACCEPT_CORPUS=1 writes the expectations anew; read the difference before you commit it.
/// </summary>
public class CorpusTests
{
    private const string Accept = "KVMI_POLICY_ACCEPT_CORPUS";

    private static readonly string Corpus = Path.Combine(AppContext.BaseDirectory, "policies-corpus");
    private static readonly StrictSchema Strict = new(new EmbeddedSchema("policy-schema.yaml").Tree);

    public static TheoryData<string> Good => [.. Names("good")];

    public static TheoryData<string> Bad => [.. Names("bad")];

    public static TheoryData<string> Sets =>
        [.. Directory.GetDirectories(Path.Combine(Corpus, "sets")).Select(folder => Path.GetFileName(folder)).Order(StringComparer.Ordinal)];

    [Fact]
    public void The_corpus_is_as_large_as_it_should_be()
    {
        Assert.True(Bad.Count >= 90, $"{Bad.Count} bad files");
        Assert.True(Good.Count >= 12, $"{Good.Count} good files");
    }

    [Theory]
    [MemberData(nameof(Good))]
    public void A_good_file_loads_with_exactly_its_warnings(string name)
    {
        var result = PolicyText.Load(Read("good", name));
        Assert.NotNull(result.Definition);
        Compare("good", name, result.Findings);
    }

    [Theory]
    [MemberData(nameof(Bad))]
    public void A_bad_file_gives_exactly_its_findings(string name)
    {
        var result = PolicyText.Load(Read("bad", name));
        Assert.Null(result.Definition);
        Assert.Contains(result.Findings, finding => finding.Severity == FindingSeverity.Error && name.StartsWith(finding.Code, StringComparison.Ordinal));
        Assert.All(result.Findings, finding => Assert.True(finding.Location.Line > 0 || finding.Code == "KP0108", $"{finding} has no place"));
        Compare("bad", name, result.Findings);
    }

    [Theory]
    [MemberData(nameof(Sets))]
    public void A_set_gives_exactly_its_findings(string name)
    {
        var files = new MemoryPolicyFiles();
        foreach (var file in Directory.GetFiles(Path.Combine(Corpus, "sets", name), "*.yaml"))
        {
            files.Add($"set/{Path.GetFileName(file)}", File.ReadAllBytes(file));
        }

        var result = PolicySetLoader.Load(["set"], PolicyText.Options with { Files = files });
        Assert.NotEmpty(result.Policies);
        Assert.Equal(name.StartsWith("KP", StringComparison.Ordinal), result.Findings.Any(finding => name.StartsWith(finding.Code, StringComparison.Ordinal)));
        Compare("sets", name, result.Findings);
    }

    [Theory]
    [MemberData(nameof(Good))]
    [MemberData(nameof(Bad))]
    public void The_loader_and_an_editor_agree_about_the_structure(string name)
    {
        var text = Read(File.Exists(PathOf("good", name)) ? "good" : "bad", name);
        AssertAgreement(text, name);
    }

    [Fact]
    public void They_agree_about_the_shipped_policies_and_the_samples()
    {
        foreach (var file in Whole)
        {
            AssertAgreement(File.ReadAllText(file), file);
        }
    }

    // One small change to a file that is good: a line removed, doubled, moved in or out, or a word replaced.
    [Fact]
    public void A_mutated_good_file_loads_or_gets_findings_with_a_place_and_both_validators_agree()
    {
        var seeds = Whole.Select(File.ReadAllText).ToArray();
        var words = new[] { "[]", "{}", "~", "true", "-1", "0x", "99999999999999999999", "\"\"", "yes", "$x", "a b", "[", "*", "&a", "1.5", "é" };
        var mutation = from seed in Gen.Elements(seeds)
                       from line in Gen.Choose(0, 100)
                       from kind in Gen.Choose(0, 4)
                       from word in Gen.Elements(words)
                       select Mutate(seed, line, kind, word);
        Prop.ForAll(mutation.ToArbitrary(), text =>
        {
            var result = PolicyText.Load(text);
            Assert.True(result.Definition is not null || result.Findings.Any(finding => finding.Severity == FindingSeverity.Error));
            Assert.All(result.Findings, finding => Assert.True(finding.Location.Line > 0 || finding.Code is "KP0108" or "KP0117", $"{finding} has no place"));
            AssertAgreement(text, text);
        }).Check(Config.QuickThrowOnFailure.WithMaxTest(500));
    }

    private static IEnumerable<string> Whole => new[] { PolicyText.Samples, PolicyText.Shipped }
        .SelectMany(folder => Directory.GetFiles(folder, "policy.yaml", SearchOption.AllDirectories)).Order(StringComparer.Ordinal);

    private static string Mutate(string seed, int at, int kind, string word)
    {
        var lines = seed.Split('\n').ToList();
        var index = at % lines.Count;
        var colon = lines[index].IndexOf(':', StringComparison.Ordinal);
        switch (kind)
        {
            case 0: lines.RemoveAt(index); break;
            case 1: lines.Insert(index, lines[index]); break;
            case 2: lines[index] = "  " + lines[index]; break;
            case 3: lines[index] = colon < 0 ? word : $"{lines[index][..colon]}: {word}"; break;
            default: lines[index] = colon < 1 ? word : lines[index].Remove(colon - 1, 1); break;
        }

        return string.Join('\n', lines);
    }

    private static void AssertAgreement(string text, string name)
    {
        var findings = new FindingList(name);
        if (YamlReader.Read(Encoding.UTF8.GetBytes(text), findings) is not { } root)
        {
            Assert.NotEqual(0, findings.Errors);
            return;
        }

        new SchemaValidator(findings).Validate(root, PolicySchema.Root, "");
        Assert.True((findings.Errors == 0) == Strict.IsValid(root), $"{name}: the loader says: {string.Join('\n', findings.All)}\nand strict JSON Schema the opposite");
    }

    private static IEnumerable<string> Names(string kind) =>
        Directory.GetFiles(Path.Combine(Corpus, kind), "*.yaml").Select(file => Path.GetFileNameWithoutExtension(file)).Order(StringComparer.Ordinal);

    private static string PathOf(string kind, string name) => Path.Combine(Corpus, kind, name + ".yaml");

    private static string Read(string kind, string name) => File.ReadAllText(PathOf(kind, name));

    private static void Compare(string kind, string name, IReadOnlyList<Finding> findings)
    {
        var found = string.Concat(findings.Select(finding => finding + "\n"));
        if (Environment.GetEnvironmentVariable(Accept) is not null)
        {
            // tests/NAME/bin/CONFIGURATION/FRAMEWORK: the fixtures lie four levels up.
            File.WriteAllText(Path.Combine(AppContext.BaseDirectory, "../../../../Fixtures/policies", kind, name + ".expected"), found);
            return;
        }

        var expected = Path.Combine(Corpus, kind, name + ".expected");
        Assert.True(File.Exists(expected), $"{expected} is missing: run with {Accept}=1");
        Assert.Equal(File.ReadAllText(expected), found);
    }
}
