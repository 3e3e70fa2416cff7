using Kvmi.Policy.Engine.Code;
using Kvmi.Policy.Engine.Findings;
using Kvmi.Policy.Engine.Generations;
using Kvmi.Policy.Engine.Model;
using Kvmi.Policy.Engine.Plugins;
using Kvmi.Policy.Engine.Tests.Scripting;
using Kvmi.Protocol;
using static Kvmi.Policy.Engine.Tests.Scripting.Policies;

namespace Kvmi.Policy.Engine.Tests.Plugins;

public sealed class PluginPolicyTests : IDisposable
{
    private readonly TemporaryFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Theory]
    [InlineData("Test.Plugins.Census")]
    [InlineData("Census")]
    [InlineData(null)]
    public void A_plugin_class_decides(string? type)
    {
        Add("census", TestAssembly.GoodPlugin);
        var result = BuildSet(Plugin("p", "census", type));
        Assert.Empty(result.Findings);
        var bound = result.Generation!.Policies[0].Factory.Create(new RecordingServices());
        Assert.Equal(Decision.Keep(5), DecideCr(bound.Handlers[0], CrMessage(5, 6)));
        Assert.Equal("Census", bound.Instance!.GetType().Name);
    }

    [Fact]
    public void A_script_uses_the_service_that_a_plugin_publishes()
    {
        Add("census", TestAssembly.GoodPlugin);
        var script = Inline(
            "a-script",
            "using Test.Plugins; var census = Service<ICounter>(); Decision OnCr(CrEvent e) => Set((ulong)census.Count);") with
        {
            Requires = new() { Plugins = ["census"] },
        };
        var result = BuildSet(script, Plugin("z-plugin", "census", "Census"));
        Assert.Empty(result.Findings);
        Assert.Equal(["a-script", "z-plugin"], result.Generation!.Policies.Select(policy => policy.Definition.Id));
        Assert.Equal(["z-plugin", "a-script"], result.Generation.CreationOrder.Select(policy => policy.Definition.Id));

        var services = new Dictionary<Type, object>();
        var bound = result.Generation.CreationOrder.Select(policy => policy.Factory.Create(new RecordingServices(services))).ToList();
        DecideCr(bound[0].Handlers[0], CrMessage(1, 2));
        DecideCr(bound[0].Handlers[0], CrMessage(1, 2));
        Assert.Equal(Decision.Set(2), DecideCr(bound[1].Handlers[0], CrMessage(1, 2)));
    }

    [Fact]
    public void Each_plugin_has_its_own_version_of_a_private_dependency()
    {
        foreach (var number in new[] { 1, 2 })
        {
            var library = TestAssembly.Build("Library", $"[assembly: System.Reflection.AssemblyVersion(\"{number}.0.0.0\")] public static class Library {{ public static ulong Value => {number}; }}");
            _folder.Write($"plugins/p{number}/Library.dll", library);
            _folder.Write($"plugins/p{number}/Main.dll", TestAssembly.Build(
                $"Main{number}",
                $"using Kvmi.Policy; [assembly: PolicyPlugin(\"p{number}\")] public class P : PolicyBase {{ public Decision OnCr(CrEvent e) => Set(Library.Value); }}",
                library));
        }

        var result = BuildSet(Plugin("one", "p1", "P"), Plugin("two", "p2", "P"));
        Assert.Empty(result.Findings);
        Assert.Equal(
            [Decision.Set(1), Decision.Set(2)],
            result.Generation!.Policies.Select(policy => DecideCr(policy.Factory.Create(new RecordingServices()).Handlers[0], CrMessage(1, 2))));
    }

    [Fact]
    public void A_missing_dependency_is_found_before_any_code_runs()
    {
        var library = TestAssembly.Build("Library", "public static class Library { public static ulong Value => 1; }");
        var main = _folder.Write("plugins/p/Main.dll", TestAssembly.Build(
            "Main",
            "using Kvmi.Policy; [assembly: PolicyPlugin(\"p\")] public class P : PolicyBase { public Decision OnCr(CrEvent e) => Set(Library.Value); }",
            library));
        var finding = Assert.Single(BuildSet(Plugin("one", "p", "P")).Findings);
        Assert.Equal(("KP0504", main), (finding.Code, finding.Location.File));
        Assert.Contains("references Library 0.0.0.0, which is nowhere", finding.Message, StringComparison.Ordinal);
        Assert.Contains(Path.Combine(_folder.Path, "plugins", "p", "Library.dll") + " (not found)", finding.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void A_dependency_that_is_cut_short_is_named()
    {
        var library = TestAssembly.Build("Library", "public static class Library { public static ulong Value => 1; }");
        _folder.Write("plugins/p/Main.dll", TestAssembly.Build(
            "Main",
            "using Kvmi.Policy; [assembly: PolicyPlugin(\"p\")] public class P : PolicyBase { public Decision OnCr(CrEvent e) => Set(Library.Value); }",
            library));
        var path = _folder.Write("plugins/p/Library.dll", library[..^600]);
        var finding = Assert.Single(BuildSet(Plugin("one", "p", "P")).Findings);
        Assert.Contains($"{path} cannot be loaded: it is cut short", finding.Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("public abstract class P : PolicyBase { }", "P", "it is abstract")]
    [InlineData("public class P : PolicyBase { public P(int n) { } }", "P", "it has no public constructor without parameters")]
    [InlineData("public class P { }", "P", "it does not derive from PolicyBase")]
    [InlineData("class P : PolicyBase { }", "P", "it is not public")]
    [InlineData("public class P<T> : PolicyBase { }", "P`1", "it has type parameters")]
    [InlineData("public class Other : PolicyBase { }", "Otter", "has no class Otter: it has Other")]
    [InlineData("public class P : PolicyBase { public P() { throw new System.Exception(\"no luck\"); } public Decision OnCr(CrEvent e) => Allow; }", "P", "the constructor of P threw Exception: no luck")]
    public void A_class_that_cannot_be_a_policy_says_why(string source, string type, string reason)
    {
        Add("p", "using Kvmi.Policy; [assembly: PolicyPlugin(\"p\")] " + source);
        var finding = Assert.Single(BuildSet(Plugin("one", "p", type)).Findings);
        Assert.Equal("KP0506", finding.Code);
        Assert.Contains(reason, finding.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void A_constructor_that_never_returns_holds_no_load_and_its_thread_is_counted()
    {
        const string Switch = "kvmi.test.constructor-returns";
        Add("p", "using Kvmi.Policy; [assembly: PolicyPlugin(\"p\")] public class P : PolicyBase { public P() { while (!(System.AppContext.TryGetSwitch(\""
            + Switch + "\", out var on) && on)) System.Threading.Thread.Sleep(1); } public Decision OnCr(CrEvent e) => Allow; }");
        Add("q", "using Kvmi.Policy; [assembly: PolicyPlugin(\"q\")] public class P : PolicyBase { public Decision OnCr(CrEvent e) => Allow; }");
        var catalog = PluginSetLoader.Discover([Path.Combine(_folder.Path, "plugins")]);
        var builder = Builder();
        var finding = Assert.Single(builder.Build([Plugin("one", "p", "P")], catalog, null).Findings);
        Assert.Equal("KP0630", finding.Code);
        Assert.Contains("the constructor of P has not returned within 5 s", finding.Message, StringComparison.Ordinal);
        Assert.Equal((1, 1), builder.HungConstructors);
        var other = builder.Build([Plugin("two", "q", "P")], catalog, null);
        Assert.NotNull(other.Generation);
        other.Generation.Release();
        AppContext.SetSwitch(Switch, true);
        Assert.True(SpinWait.SpinUntil(() => builder.HungConstructors == (1, 0), TimeSpan.FromSeconds(60)));
    }

    [Theory]
    [InlineData("public Decision OnCr(MsrEvent e) => Allow;", "KP0403", "OnCr takes (MsrEvent), but subscription 1 is for cr events: expected `Decision OnCr(CrEvent e)`")]
    [InlineData("public bool OnCr(CrEvent e) => true;", "KP0403", "OnCr returns bool, but subscription 1 is for cr events: expected `Decision OnCr(CrEvent e)`")]
    [InlineData("public Decision OnCr3(CrEvent e) => Allow;", "KP0402", "policy 'one', subscription 1: class P has no method OnCr: expected `Decision OnCr(CrEvent e)`")]
    public void A_wrong_handler_is_one_finding(string method, string code, string message)
    {
        Add("p", $"using Kvmi.Policy; [assembly: PolicyPlugin(\"p\")] public class P : PolicyBase {{ {method} }}");
        var finding = Assert.Single(BuildSet(Plugin("one", "p", "P")).Findings);
        Assert.Equal((code, message), (finding.Code, finding.Message));
    }

    [Fact]
    public void A_missing_plugin_names_what_was_probed_and_the_near_one()
    {
        Add("census", TestAssembly.GoodPlugin);
        var finding = Assert.Single(BuildSet(Plugin("one", "cencus", "Census")).Findings);
        Assert.Equal(("KP0505", "did you mean census?", "policy.yaml:20:3"), (finding.Code, finding.Hint, finding.Location.ToString()));
        Assert.Contains(Path.Combine(_folder.Path, "plugins", "census", "Main.dll") + ": plugin 'census'", finding.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void A_broken_plugin_stops_only_those_who_need_it()
    {
        _folder.Write("plugins/other/Other.dll", TestAssembly.BuildAgainstContract("2.0.0.0", "other"));
        var without = BuildSet(Inline("p", "Decision OnCr(CrEvent e) => Allow;"));
        Assert.NotNull(without.Generation);
        Assert.Equal(("KP0502", FindingSeverity.Warning), (Assert.Single(without.Findings).Code, without.Findings[0].Severity));

        var with = BuildSet(Plugin("p", "other", "Other"));
        Assert.Null(with.Generation);
        Assert.Equal(["KP0505", "KP0502"], with.Findings.Select(finding => finding.Code));
        Assert.All(with.Findings, finding => Assert.Equal(FindingSeverity.Error, finding.Severity));
    }

    [Fact]
    public void A_throwing_OnAttach_names_policy_and_class()
    {
        Add("p", "using Kvmi.Policy; [assembly: PolicyPlugin(\"p\")] public class P : PolicyBase { protected override void OnAttach() => Params.Int(\"x\"); public Decision OnCr(CrEvent e) => Allow; }");
        var factory = BuildSet(Plugin("one", "p", "P")).Generation!.Policies[0].Factory;
        var exception = Assert.Throws<PolicyInitializationException>(() => factory.Create(new RecordingServices()));
        Assert.Equal("policy 'one': OnAttach of plugin class P threw ArgumentException: no parameters here", exception.Message);
    }

    [Fact]
    public void A_damaged_deps_file_is_a_finding()
    {
        Add("census", TestAssembly.GoodPlugin);
        _folder.Write("plugins/census/Main.deps.json", "{ nonsense");
        var finding = Assert.Single(BuildSet(Plugin("p", "census", "Census")).Findings);
        Assert.Equal(("KP0504", Path.Combine(_folder.Path, "plugins", "census", "Main.dll")), (finding.Code, finding.Location.File));
    }

    [Fact]
    public void A_copy_of_the_contract_beside_the_plugin_is_not_used()
    {
        Add("census", TestAssembly.GoodPlugin);
        File.Copy(typeof(PolicyBase).Assembly.Location, Path.Combine(_folder.Path, "plugins", "census", "Kvmi.Policy.Abstractions.dll"));
        var result = BuildSet(Plugin("p", "census", "Census"));
        Assert.Empty(result.Findings);
        Assert.IsAssignableFrom<PolicyBase>(result.Generation!.Policies[0].Factory.Create(new RecordingServices()).Instance);
    }

    private void Add(string id, string source) => _folder.Write($"plugins/{id}/Main.dll", TestAssembly.Build("Main." + id, source));

    private GenerationBuildResult BuildSet(params PolicyDefinition[] definitions) =>
        Builder().Build(definitions, PluginSetLoader.Discover([Path.Combine(_folder.Path, "plugins")]), null);
}
