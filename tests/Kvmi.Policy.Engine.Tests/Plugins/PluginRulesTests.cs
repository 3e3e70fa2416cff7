using System.Security.Cryptography;
using Kvmi.Policy.Engine.Generations;
using Kvmi.Policy.Engine.Model;
using Kvmi.Policy.Engine.Plugins;
using Kvmi.Policy.Engine.Tests.Scripting;
using Kvmi.Policy.Engine.Tests.Trust;
using Kvmi.Policy.Engine.Trust;
using static Kvmi.Policy.Engine.Tests.Scripting.Policies;

namespace Kvmi.Policy.Engine.Tests.Plugins;

/// <summary>Who may change a plugin, which builds may be loaded, and that what was checked is what runs.</summary>
public sealed class PluginRulesTests : IDisposable
{
    private static readonly byte[] Good = TestAssembly.Build("Census", TestAssembly.GoodPlugin);
    private static readonly byte[] Helper = TestAssembly.Build("Helper", "public static class Helper { public static int Number => 7; }");
    private static readonly byte[] WithHelper = TestAssembly.Build(
        "WithHelper",
        """
        using Kvmi.Policy;
        [assembly: PolicyPlugin("census")]
        public class Census : PolicyBase { private Decision OnCr(CrEvent e) => Set((ulong)Helper.Number); }
        """,
        Helper);

    private static readonly PluginRules Owned = new() { Ownership = FileOwnership.OfThisProcess };
    private readonly TemporaryFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Fact]
    public void A_plugin_that_others_cannot_change_is_loaded()
    {
        _folder.Write("census/Census.dll", Good);
        Assert.Empty(Build(Owned, Plugin("p", "census", "Census")).Findings);
    }

    [Theory]
    [InlineData("census/Census.dll")]
    [InlineData("census")]
    [InlineData("census/Other.dll")]
    [InlineData("census/Census.deps.json")]
    public void A_plugin_that_others_can_change_is_refused_before_it_is_opened(string place)
    {
        _folder.Write("census/Census.dll", Good);
        _folder.Write("census/Other.dll", Helper);
        _folder.Write("census/Census.deps.json", """{ "runtimeTarget": { "name": "t" }, "targets": { "t": {} }, "libraries": {} }""");
        File.SetUnixFileMode(Path.Combine(_folder.Path, place), Others.Everybody);
        var result = Build(Owned, Plugin("p", "census", "Census"));
        Assert.Null(result.Generation);
        var finding = result.Findings.First(finding => finding.Code == "KP0509");
        Assert.Contains($"/{place}' can be changed by others (mode 0777", finding.Message, StringComparison.Ordinal);
        Assert.Contains("--trust-file-permissions", finding.Hint, StringComparison.Ordinal);
        Assert.NotNull(Build(PluginRules.None, Plugin("p", "census", "Census")).Generation);
    }

    [Fact]
    public void A_plugin_of_another_user_is_refused()
    {
        Others.Own(_folder.Write("census/Census.dll", Good), "65534");
        Assert.Contains(Build(Owned, Plugin("p", "census", "Census")).Findings,
            finding => finding.Code == "KP0509" && finding.Message.Contains("belongs to user 65534", StringComparison.Ordinal));
    }

    [Fact]
    public void A_digest_that_is_pinned_holds_and_another_is_refused_with_both()
    {
        var path = _folder.Write("census/Census.dll", Good);
        var right = Digest(Good);
        Assert.Empty(Build(PluginRules.None, Pinned(right)).Findings);

        var wrong = new string('0', 64);
        var result = Build(PluginRules.None, Pinned(wrong));
        Assert.Null(result.Generation);
        var finding = Assert.Single(result.Findings);
        Assert.Equal("KP0507", finding.Code);
        Assert.Equal($"policy 'p' is pinned to plugin 'census' with the SHA-256 {wrong}, and {path} has {right}", finding.Message);
    }

    [Fact]
    public void A_list_lets_in_what_it_names_dependencies_included()
    {
        _folder.Write("census/WithHelper.dll", WithHelper);
        _folder.Write("census/Helper.dll", Helper);
        Assert.Empty(Build(Listed($"{Digest(WithHelper)}  WithHelper.dll\n# ours\n\n{Digest(Helper)} *lib/Helper.dll\n"), Plugin("p", "census", "Census")).Findings);

        var result = Build(Listed($"{Digest(WithHelper)}  WithHelper.dll\n{Digest(Good)}  Helper.dll\n"), Plugin("p", "census", "Census"));
        Assert.Null(result.Generation);
        var finding = result.Findings.First(finding => finding.Code == "KP0508");
        Assert.Contains(
            $"Helper.dll is refused: list.txt has Helper.dll with the SHA-256 {Digest(Good)}, and the file has {Digest(Helper)}", finding.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void A_dependency_elsewhere_than_the_plugin_is_held_against_the_list_too()
    {
        _folder.Write("census/WithHelper.dll", WithHelper);
        _folder.Write("census/lib/Helper.dll", Helper);
        _folder.Write("census/WithHelper.deps.json",
            """
            { "runtimeTarget": { "name": ".NETCoreApp,Version=v10.0" },
              "targets": { ".NETCoreApp,Version=v10.0": {
                "WithHelper/1.0.0": { "dependencies": { "Helper": "1.0.0" }, "runtime": { "WithHelper.dll": {} } },
                "Helper/1.0.0": { "runtime": { "lib/Helper.dll": { "localPath": "lib/Helper.dll" } } } } },
              "libraries": { "WithHelper/1.0.0": { "type": "project", "serviceable": false, "sha512": "" },
                             "Helper/1.0.0": { "type": "project", "path": ".", "serviceable": false, "sha512": "" } } }
            """);
        var list = $"{Digest(WithHelper)}  WithHelper.dll\n";
        var result = Build(Listed(list), Plugin("p", "census", "Census"));
        Assert.Null(result.Generation);
        Assert.Contains(result.Findings, finding => finding.Code == "KP0508" && finding.Message.Contains("lib/Helper.dll is refused", StringComparison.Ordinal));
    }

    [Theory]
    [InlineData("abc  x.dll")]
    [InlineData("0000000000000000000000000000000000000000000000000000000000000000")]
    [InlineData("0000000000000000000000000000000000000000000000000000000000000000-- x.dll")]
    [InlineData("\\000000000000000000000000000000000000000000000000000000000000000  x.dll")]
    public void A_line_that_sha256sum_does_not_print_is_named(string line)
    {
        var error = Assert.Throws<FormatException>(() => PluginDigestList.Parse("list.txt", "# head\n" + line)).Message;
        Assert.StartsWith("list.txt:2: this is no line of sha256sum", error, StringComparison.Ordinal);
    }

    [Fact]
    public void What_was_checked_is_what_is_loaded_when_the_file_changes_between()
    {
        _folder.Write("census/WithHelper.dll", WithHelper);
        var helper = _folder.Write("census/Helper.dll", Helper);
        var loader = new SwappingLoader(() => File.WriteAllBytes(
            helper, TestAssembly.Build("Helper", "public static class Helper { public static int Number => 666; }")));
        var rules = Listed($"{Digest(WithHelper)}  WithHelper.dll\n{Digest(Helper)}  Helper.dll\n") with { RestrictCode = true };
        var catalog = PluginSetLoader.Discover([_folder.Path], rules);
        var result = new GenerationBuilder(new Engine.Scripting.ScriptCompiler(), loader, TimeProvider.System)
            .Build([Plugin("p", "census", "Census")], catalog, null);
        Assert.Empty(result.Findings);
        var bound = result.Generation!.Policies[0].Factory.Create(new RecordingServices());
        Assert.Equal(Decision.Set(7), DecideCr(bound.Handlers[0], CrMessage(5, 6)));
    }

    [Theory]
    [InlineData("{}", "runtimeTarget has no name")]
    [InlineData("", "it is no JSON")]
    [InlineData("[]", "it is no JSON object")]
    [InlineData("""{"runtimeTarget":{"name":1}}""", "runtimeTarget has no name")]
    [InlineData("""{"runtimeTarget":{"name":"t"},"targets":{}}""", "targets does not have")]
    [InlineData("""{"runtimeTarget":{"name":"t"},"targets":{"t":{"a/1":7}},"libraries":{}}""", "a/1 in targets is no object")]
    [InlineData("""{"runtimeTarget":{"name":"t"},"targets":{"t":{"a/1":{"runtime":{"a.dll":null}}}},"libraries":{}}""", "runtime of a/1")]
    [InlineData("""{"runtimeTarget":{"name":"t"},"targets":{"t":{}},"libraries":{"a/1":{"type":"project"}}}""", "a/1 in libraries lacks")]
    [InlineData("""{"runtimeTarget":{"name":"t"},"targets":{"t":{}},"libraries":{},"runtimes":{"x":1}}""", "runtimes is no object")]
    public void A_damaged_deps_file_is_a_finding_and_not_the_end_of_the_host(string text, string problem)
    {
        // The runtime's own resolver aborts the process over the first of these.
        _folder.Write("census/Census.dll", Good);
        _folder.Write("census/Census.deps.json", text);
        var finding = Assert.Single(Build(PluginRules.None, Plugin("p", "census", "Census")).Findings);
        Assert.Equal("KP0504", finding.Code);
        Assert.Contains(problem, finding.Message, StringComparison.Ordinal);
    }

    private static PluginRules Listed(string text) => new() { Allowed = PluginDigestList.Parse("list.txt", text) };

    private static string Digest(byte[] image) => Convert.ToHexStringLower(SHA256.HashData(image));

    private static PolicyDefinition Pinned(string digest) => Plugin("p", "census", "Census") with
    {
        Requires = new() { PluginDigests = new Dictionary<string, string> { ["census"] = digest } },
    };

    private GenerationBuildResult Build(PluginRules rules, params PolicyDefinition[] definitions) =>
        Builder().Build(definitions, PluginSetLoader.Discover([_folder.Path], rules), null);

    // The restriction reads the dependencies first; here they change before the loader asks for them.
    private sealed class SwappingLoader(Action swap) : IPluginLoader
    {
        public ILoadedPlugin Load(PluginLoadOptions options)
        {
            swap();
            return new CollectiblePluginLoader().Load(options);
        }
    }
}
