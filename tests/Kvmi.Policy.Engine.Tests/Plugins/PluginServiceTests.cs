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

/// <summary>What plugins offer to scripts and to the operator, through the engine's own services.</summary>
public sealed class PluginServiceTests : IDisposable
{
    private const string Source =
        """
        using Kvmi.Policy;
        [assembly: PolicyPlugin("numbers")]
        [assembly: System.Reflection.AssemblyVersion("1.4.2.0")]
        namespace Test.Plugins
        {
            public interface INumber { ulong Value { get; } }
            public sealed class Number : INumber { public ulong Value { get; set; } }

            public class Numbers : PolicyBase
            {
                private readonly Number _low = new Number { Value = 1 };
                private IPolicyFact _seen;
                protected override void OnAttach()
                {
                    Publish<INumber>(_low);
                    Publish<INumber>("high", new Number { Value = 1000 });
                    _seen = Facts.Get("seen");
                }
                public Decision OnCr(CrEvent e) { _low.Value++; _seen.Value++; return Allow; }
                public Decision OnMsr(MsrEvent e) { _seen.Value++; return Set(e.Old); }
                public Decision OnPf(PageFaultEvent e) { _seen.Value++; return Allow; }
            }
        }
        """;

    private readonly TemporaryFolder _folder = new();

    public PluginServiceTests() => _folder.Write("plugins/numbers/Numbers.dll", TestAssembly.Build("Numbers", Source));

    public void Dispose() => _folder.Dispose();

    [Fact]
    public void A_script_finds_services_by_type_and_by_name_and_compiles_against_the_plugins_types()
    {
        using var bench = Run(Script("var low = Service<INumber>(); var high = Service<INumber>(\"high\"); Decision OnCr(CrEvent e) => Set(high.Value + low.Value);"));
        bench.Send(EventBody.Cr(3, 0x1000, 0x2000));
        bench.Engine.Flush();
        Assert.Equal(1002UL, Assert.Single(bench.Sink.Records.OfType<DecisionOutput>()).Value);
    }

    [Theory]
    [InlineData("var x = Service<INumber>(\"low\");", "publishes INumber 'low' on this VM; there are: INumber, INumber 'high'.")]
    [InlineData("var x = Service<Number>();", "publishes Number on this VM; there are: INumber, INumber 'high'.")]
    public void A_service_that_is_not_there_refuses_the_policy_and_says_what_there_is(string line, string reason)
    {
        using var bench = Run(Script(line + " Decision OnCr(CrEvent e) => Allow;"));
        var policy = Assert.Single(bench.Engine.GetVms()[0].Policies, policy => policy.Id == "script");
        Assert.Contains(reason, policy.Reason, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("1.4", true)]
    [InlineData("1.4.2", true)]
    [InlineData("1.0", true)]
    [InlineData("1.5", false)]
    [InlineData("2.0", false)]
    [InlineData("0.9", false)]
    public void A_policy_asks_for_a_version_of_the_same_major(string version, bool accepted)
    {
        var script = Script("Decision OnCr(CrEvent e) => Allow;");
        var result = BuildSet(script with { Requires = script.Requires with { PluginVersions = new Dictionary<string, Version> { ["numbers"] = Version.Parse(version) } } });
        Assert.Equal(accepted, result.Generation is not null);
        if (!accepted)
        {
            var finding = Assert.Single(result.Findings);
            Assert.Equal("KP0520", finding.Code);
            Assert.Contains($"needs plugin 'numbers' {version} or a later {Version.Parse(version).Major}.x, and ", finding.Message, StringComparison.Ordinal);
            Assert.EndsWith("Numbers.dll is 1.4.2.0", finding.Message, StringComparison.Ordinal);
        }
    }

    [Fact]
    public void Numbers_of_a_plugin_are_in_the_summary()
    {
        using var bench = Run();
        bench.Send(EventBody.Cr(3, 1, 2));
        bench.Send(EventBody.Cr(3, 1, 2));
        var fact = Assert.Single(bench.Engine.GetSummary().Policies[0].Facts);
        Assert.Equal(("seen", 2L), (fact.Name, fact.Value));
    }

    [Fact]
    public void Handlers_of_a_plugin_and_their_facts_allocate_nothing_per_event()
    {
        using var bench = Run();
        bench.Vm.Recording = false;
        AllocationTests.AssertNoAllocation(bench, EventBody.Cr(3, 0x1000, 0x2000));
        AllocationTests.AssertNoAllocation(bench, EventBody.Msr(EngineBench.Lstar, 0x1000, 0x2000));
        AllocationTests.AssertNoAllocation(bench, EventBody.PageFault(0, 0x2000, PageAccess.Write));
        var policy = bench.Engine.GetSummary().Policies[0];
        Assert.Equal((2100L, 2100L, 0L), (policy.Events, policy.Facts[0].Value, policy.Errors));
    }

    private static PolicyDefinition Script(string text) => Inline("script", "using Test.Plugins; " + text) with
    {
        Requires = new() { Plugins = ["numbers"] },
        Priority = 900,
    };

    private EngineBench Run(params PolicyDefinition[] more)
    {
        var bench = new EngineBench();
        var result = BuildSet(more);
        Assert.Empty(result.Findings);
        bench.Engine.Swap(result.Generation!);
        return bench.Attach();
    }

    private GenerationBuildResult BuildSet(params PolicyDefinition[] more)
    {
        var plugin = Plugin(
            "numbers",
            "numbers",
            "Numbers",
            EngineBench.On(EventKind.Cr) with { Handler = "OnCr" },
            EngineBench.On(EventKind.Msr) with { Handler = "OnMsr" },
            EngineBench.On(EventKind.PageFault) with { Handler = "OnPf" }) with
        {
            Watch = [EngineBench.Watch(0x1000, 0x4FFF, PageAccess.ReadExecute)],
        };
        return Builder().Build([plugin, .. more], PluginSetLoader.Discover([Path.Combine(_folder.Path, "plugins")]), null);
    }
}
