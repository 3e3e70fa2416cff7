using Kvmi.Policy.Engine.Findings;
using Kvmi.Policy.Engine.Plugins;
using Kvmi.Policy.Engine.Tests.Scripting;

namespace Kvmi.Policy.Engine.Tests.Plugins;

public sealed class PluginSetLoaderTests : IDisposable
{
    private static readonly byte[] Good = TestAssembly.Build("Census", TestAssembly.GoodPlugin);

    private readonly TemporaryFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Fact]
    public void A_plugin_folder_and_a_plugin_file_are_found()
    {
        var main = _folder.Write("census/Census.dll", Good);
        var flat = _folder.Write("Flat.dll", TestAssembly.Build("Flat", "[assembly: Kvmi.Policy.PolicyPlugin(\"flat\")]"));
        var catalog = Discover();
        Assert.Empty(catalog.Problems);
        Assert.Equal([("census", main), ("flat", flat)], catalog.Plugins.Select(plugin => (plugin.Id, plugin.MainAssemblyPath)));
        Assert.Equal(new Version(1, 1, 0, 0), catalog.Find("census")!.ContractVersion);
        Assert.Equal([(flat, "plugin 'flat'"), (main, "plugin 'census'")], catalog.Probes.Select(probe => (probe.Path, probe.Outcome)));
    }

    [Fact]
    public void A_directory_that_does_not_exist_holds_no_plugins()
    {
        var catalog = PluginSetLoader.Discover([Path.Combine(_folder.Path, "none")]);
        Assert.Empty(catalog.Plugins);
        Assert.Empty(catalog.Problems);
        Assert.Equal("there is no such directory", Assert.Single(catalog.Probes).Outcome);
    }

    [Theory]
    [InlineData("2.0.0.0", "plugin 'other' was built against contract 2.0.0.0, this host has 1.1.0.0")]
    [InlineData("1.9.0.0", "plugin 'other' was built against contract 1.9.0.0, this host has 1.1.0.0")]
    [InlineData("0.9.0.0", "plugin 'other' was built against contract 0.9.0.0, this host has 1.1.0.0")]
    public void Another_contract_version_is_refused_and_the_others_are_not(string version, string message)
    {
        _folder.Write("census/Census.dll", Good);
        var path = _folder.Write("other/Other.dll", TestAssembly.BuildAgainstContract(version, "other"));
        var catalog = Discover();
        Assert.Equal("census", Assert.Single(catalog.Plugins).Id);
        var problem = Assert.Single(catalog.Problems);
        Assert.Equal(("other", path, message), (problem.Name, problem.Finding.Location.File, problem.Finding.Message));
        Assert.Equal(("KP0502", FindingSeverity.Error), (problem.Finding.Code, problem.Finding.Severity));
        Assert.Contains("rebuild it against Kvmi.Policy.Abstractions 1.1", problem.Finding.Hint, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("1.0.0.0")]
    [InlineData("1.1.0.0")]
    [InlineData("1.1.7.0")]
    public void An_older_minor_version_and_another_build_are_accepted(string version)
    {
        _folder.Write("other/Other.dll", TestAssembly.BuildAgainstContract(version, "other"));
        Assert.Equal("other", Assert.Single(Discover().Plugins).Id);
    }

    [Fact]
    public void A_folder_without_a_plugin_names_every_file_and_its_reason()
    {
        var garbage = _folder.Write("census/a.dll", "this is text"u8.ToArray());
        var plain = _folder.Write("census/b.dll", TestAssembly.Build("Plain", "public class Plain { }"));
        var cut = _folder.Write("census/c.dll", Good[..^600]);
        var problem = Assert.Single(Discover().Problems);
        Assert.Equal("census", problem.Name);
        Assert.Contains($"{garbage}: it is not a .NET assembly", problem.Finding.Message, StringComparison.Ordinal);
        Assert.Contains($"{plain}: it has no [assembly: PolicyPlugin", problem.Finding.Message, StringComparison.Ordinal);
        Assert.Contains($"{cut}: it is cut short", problem.Finding.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Any_truncation_and_any_flipped_byte_is_a_sentence_and_never_an_exception()
    {
        for (var length = 0; length < Good.Length; length += 7)
            Assert.NotNull(AssemblyInspector.Inspect(Good[..length]).Problem);

        var random = new Random(1);
        for (var round = 0; round < 2000; round++)
        {
            var mutated = (byte[])Good.Clone();
            for (var i = 0; i < 4; i++)
                mutated[random.Next(mutated.Length)] = (byte)random.Next(256);
            AssemblyInspector.Inspect(mutated);
        }
    }

    [Fact]
    public void Two_plugins_with_one_id_are_both_refused()
    {
        var first = _folder.Write("a/A.dll", Good);
        var second = _folder.Write("b/B.dll", Good);
        var catalog = Discover();
        Assert.Empty(catalog.Plugins);
        Assert.Contains($"{first}, {second}", Assert.Single(catalog.Problems).Finding.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Two_plugins_with_one_assembly_name_are_both_refused()
    {
        _folder.Write("a/A.dll", TestAssembly.Build("Same", "[assembly: Kvmi.Policy.PolicyPlugin(\"a\")]"));
        _folder.Write("b/B.dll", TestAssembly.Build("Same", "[assembly: Kvmi.Policy.PolicyPlugin(\"b\")]"));
        var catalog = Discover();
        Assert.Empty(catalog.Plugins);
        Assert.All(catalog.Problems, problem => Assert.Equal("the assembly name 'Same' is used by plugins 'a', 'b'", problem.Finding.Message));
        Assert.Equal(["a", "b"], catalog.Problems.Select(problem => problem.Name));
    }

    [Fact]
    public void Two_plugins_in_one_folder_are_refused()
    {
        _folder.Write("a/A.dll", Good);
        _folder.Write("a/B.dll", TestAssembly.Build("B", "[assembly: Kvmi.Policy.PolicyPlugin(\"b\")]"));
        Assert.Equal("KP0503", Assert.Single(Discover().Problems).Finding.Code);
    }

    [Theory]
    [InlineData("")]
    [InlineData("Upper")]
    [InlineData("a b")]
    public void A_bad_id_is_refused(string id)
    {
        _folder.Write("a/A.dll", TestAssembly.Build("A", $"[assembly: Kvmi.Policy.PolicyPlugin(\"{id}\")]"));
        Assert.Contains("plugin id", Assert.Single(Discover().Problems).Finding.Message, StringComparison.Ordinal);
    }

    private PluginCatalog Discover() => PluginSetLoader.Discover([_folder.Path]);
}
