using Kvmi.Policy.Engine.Generations;
using Kvmi.Policy.Engine.Model;
using Kvmi.Policy.Engine.Output;
using Kvmi.Policy.Engine.Plugins;
using Kvmi.Policy.Engine.Tests.Runtime;
using Kvmi.Policy.Engine.Tests.Scripting;
using Kvmi.Protocol;
using Kvmi.Protocol.Events;
using static Kvmi.Policy.Engine.Tests.Scripting.Policies;

namespace Kvmi.Policy.Engine.Tests.Plugins;

/// <summary>
/// Old and new versions side by side: real assemblies, compiled against a contract that has more than the host's. What is missing shows when it
/// is used, and costs that policy alone.
/// </summary>
public sealed class ContractVersionTests : IDisposable
{
    // Has what the plugins below use, and a member, a type and a base class member of a version to come.
    private const string NewerContract =
        """
        [assembly: System.Reflection.AssemblyVersion("VERSION")]
        namespace Kvmi.Policy
        {
            public sealed class PolicyPluginAttribute : System.Attribute { public PolicyPluginAttribute(string id) { } }
            public readonly struct Decision { }
            public readonly ref struct CrEvent { public ulong Tomorrow => 0; }
            public sealed class OfTomorrow { }
            public interface ITomorrow { }
            public abstract class PolicyBase
            {
                protected virtual void OnAttach() { }
                public static Decision Allow => default;
                public void Tomorrow() { }
            }
        }
        """;

    private readonly TemporaryFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Theory]
    [InlineData("1.2.0.0", "was built against contract 1.2.0.0, this host has 1.1.0.0")]
    [InlineData("2.1.0.0", "was built against contract 2.1.0.0, this host has 1.1.0.0")]
    public void A_newer_contract_is_refused_before_any_code_runs(string version, string message)
    {
        Add("p", version, "public Decision OnCr(CrEvent e) => Allow;");
        var result = BuildSet(Plugin("one", "p", "P"));
        Assert.Null(result.Generation);
        Assert.Contains(result.Findings, finding => finding.Code == "KP0502" && finding.Message.Contains(message, StringComparison.Ordinal));
    }

    [Fact]
    public void A_plugin_of_an_older_minor_version_decides()
    {
        Add("p", "1.0.0.0", "public Decision OnCr(CrEvent e) => Allow;");
        var result = BuildSet(Plugin("one", "p", "P"));
        Assert.Empty(result.Findings);
        Assert.Equal(Decision.Allow, DecideCr(result.Generation!.Policies[0].Factory.Create(new RecordingServices()).Handlers[0], CrMessage(5, 6)));
        result.Generation.Release();
    }

    [Fact]
    public void A_private_dependency_that_was_built_against_a_newer_contract_is_refused_too()
    {
        var contract = Contract("1.7.0.0");
        var library = TestAssembly.BuildAlone("Library", "public static class Library { public static Kvmi.Policy.Decision Value() { new Kvmi.Policy.OfTomorrow(); return default; } }", contract);
        _folder.Write("plugins/p/Library.dll", library);
        _folder.Write("plugins/p/P.dll", TestAssembly.BuildAlone(
            "P", "using Kvmi.Policy; [assembly: PolicyPlugin(\"p\")] public class P : PolicyBase { public Decision OnCr(CrEvent e) => Library.Value(); }", Contract("1.0.0.0"), library));
        var finding = Assert.Single(BuildSet(Plugin("one", "p", "P")).Findings);
        Assert.Equal("KP0502", finding.Code);
        Assert.Contains("Library.dll was built against Kvmi.Policy.Abstractions 1.7.0.0, this host has 1.1.0.0", finding.Message, StringComparison.Ordinal);
    }

    // From here on: a contract that says the host's version, but is another build of it, which no rule about versions can see.
    [Theory]
    [InlineData("public static void Go(P policy, CrEvent e) => policy.Tomorrow();", "MissingMethodException")]
    [InlineData("public static void Go(P policy, CrEvent e) => System.GC.KeepAlive(new OfTomorrow());", "TypeLoadException")]
    [InlineData("public static void Go(P policy, CrEvent e) => System.GC.KeepAlive(e.Tomorrow);", "MissingMethodException")]
    public void What_is_missing_at_a_call_costs_its_policy_only_and_the_host_goes_on(string helper, string exception)
    {
        Add("p", "1.1.0.0", $"public Decision OnCr(CrEvent e) {{ Far.Go(this, e); return Allow; }} private static class Far {{ {helper} }}");
        using var bench = new EngineBench();
        var result = BuildSet(
            Plugin("new", "p", "P") with { OnError = new PolicyErrorHandling(DecisionKind.Keep, 3, TimeSpan.FromHours(1)) },
            Inline("old", "Decision OnCr(CrEvent e) => Keep(e.Old);"));
        Assert.Empty(result.Findings);
        bench.Engine.Swap(result.Generation!);
        bench.Attach();
        for (var i = 0; i < 5; i++)
        {
            Assert.NotEqual(bench.Untouched(EventBody.Cr(3, 0x1000, 0x2000)), bench.Send(EventBody.Cr(3, 0x1000, 0x2000)));
        }

        var policies = bench.Engine.GetSummary().Policies;
        Assert.Equal(3, policies.Single(policy => policy.Id == "new").Errors);
        Assert.Equal((5L, 0L), (policies.Single(policy => policy.Id == "old").Events, policies.Single(policy => policy.Id == "old").Errors));
        Assert.Single(bench.Statuses("quarantined"));
        Assert.Contains(exception, bench.Statuses("policy-error")[0].Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("private OfTomorrow _field; public Decision OnCr(CrEvent e) { System.GC.KeepAlive(_field); return Allow; }")]
    [InlineData("public Decision OnCr(CrEvent e) => Allow; public class Inner : ITomorrow { }")]
    [InlineData("public Decision OnCr(CrEvent e) => Allow; public OfTomorrow Other(ITomorrow x) => null;")]
    [InlineData("static P() { new OfTomorrow(); } public Decision OnCr(CrEvent e) => Allow;")]
    [InlineData("public Decision OnCr(CrEvent e) { Tomorrow(); return Allow; }")]
    [InlineData("public Decision OnCr(CrEvent e) { System.GC.KeepAlive(e.Tomorrow); return Allow; }")]
    [InlineData("protected override void OnAttach() => Tomorrow(); public Decision OnCr(CrEvent e) => Allow;")]
    public void What_the_class_itself_misses_is_a_finding_before_it_goes_live(string members)
    {
        Add("p", "1.1.0.0", members);
        var result = BuildSet(Plugin("new", "p", "P"));
        AssertNamesThePlugin(result);
        Assert.NotNull(BuildSet(Inline("old", "Decision OnCr(CrEvent e) => Keep(e.Old);")).Generation);
    }

    private static void AssertNamesThePlugin(GenerationBuildResult result)
    {
        var finding = Assert.Single(result.Findings);
        Assert.StartsWith("KP05", finding.Code, StringComparison.Ordinal);
        Assert.Contains("P.dll", finding.Location.File, StringComparison.Ordinal);
        Assert.Contains("omorrow", finding.Message, StringComparison.Ordinal);
    }

    private static byte[] Contract(string version) => TestAssembly.BuildAlone("Kvmi.Policy.Abstractions", NewerContract.Replace("VERSION", version, StringComparison.Ordinal));

    private void Add(string id, string version, string members) => _folder.Write($"plugins/{id}/P.dll", TestAssembly.BuildAlone(
        "P", $"using Kvmi.Policy; [assembly: PolicyPlugin(\"{id}\")] public class P : PolicyBase {{ {members} }}", Contract(version)));

    private GenerationBuildResult BuildSet(params PolicyDefinition[] definitions) =>
        Builder().Build(definitions, PluginSetLoader.Discover([Path.Combine(_folder.Path, "plugins")]), null);
}
