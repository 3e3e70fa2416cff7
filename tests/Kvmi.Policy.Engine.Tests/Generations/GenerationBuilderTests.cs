using System.Runtime.CompilerServices;
using Kvmi.Policy.Engine.Generations;
using Kvmi.Policy.Engine.Model;
using Kvmi.Policy.Engine.Plugins;
using Kvmi.Policy.Engine.Tests.Plugins;
using Kvmi.Policy.Engine.Tests.Scripting;
using Kvmi.Protocol;
using static Kvmi.Policy.Engine.Tests.Scripting.Policies;

namespace Kvmi.Policy.Engine.Tests.Generations;

public sealed class GenerationBuilderTests : IDisposable
{
    private readonly TemporaryFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Fact]
    public void Policies_are_ordered_by_priority_then_id_and_numbers_run_from_1()
    {
        var builder = Builder();
        PolicyDefinition[] definitions =
        [
            Inline("b", "Decision OnCr(CrEvent e) => Allow;"),
            Inline("a", "Decision OnCr(CrEvent e) => Allow;"),
            Inline("z", "Decision OnCr(CrEvent e) => Allow;") with { Priority = 1 },
        ];
        var first = builder.Build(definitions, PluginCatalog.Empty, null).Generation!;
        Assert.Equal(["z", "a", "b"], first.Policies.Select(policy => policy.Definition.Id));
        Assert.Equal(1, first.Number);

        Assert.Null(builder.Build([Inline("bad", "nonsense")], PluginCatalog.Empty, first).Generation);
        Assert.Equal(2, builder.Build(definitions, PluginCatalog.Empty, first).Generation!.Number);
    }

    [Fact]
    public void Statistics_are_carried_over_by_id()
    {
        var builder = Builder();
        var first = builder.Build([Inline("a", "Decision OnCr(CrEvent e) => Allow;")], PluginCatalog.Empty, null).Generation!;
        var second = builder.Build(
            [Inline("a", "Decision OnCr(CrEvent e) => Keep(e.Old);"), Inline("b", "Decision OnCr(CrEvent e) => Allow;")], PluginCatalog.Empty, first).Generation!;
        Assert.Same(first.Policies[0].Statistics, second.Policies[0].Statistics);
        Assert.NotSame(first.Policies[0].Statistics, second.Policies[1].Statistics);
    }

    [Fact]
    public void Statistics_of_a_policy_that_was_away_for_a_generation_go_on()
    {
        // Its file was moved away and came back: the summary says what the policy did since the engine started.
        var builder = Builder();
        PolicyDefinition[] both = [Inline("a", "Decision OnCr(CrEvent e) => Allow;"), Inline("b", "Decision OnCr(CrEvent e) => Allow;")];
        var first = builder.Build(both, PluginCatalog.Empty, null).Generation!;
        var without = builder.Build(both[..1], PluginCatalog.Empty, first).Generation!;
        Assert.Null(builder.Build([.. both[..1], Inline("bad", "nonsense")], PluginCatalog.Empty, without).Generation);
        var again = builder.Build(both, PluginCatalog.Empty, without).Generation!;
        Assert.Same(first.Policies[0].Statistics, again.Policies[0].Statistics);
        Assert.Same(first.Policies[1].Statistics, again.Policies[1].Statistics);

        var anew = builder.Build(both, PluginCatalog.Empty, null).Generation!;
        Assert.NotSame(first.Policies[1].Statistics, anew.Policies[1].Statistics);
    }

    [Fact]
    public void One_bad_policy_means_no_generation_and_all_findings()
    {
        var result = Build(
            Inline("good", "Decision OnCr(CrEvent e) => Allow;"),
            Inline("bad", "Decision OnCr(CrEvent e) => Alow;"),
            Inline("worse", "Decision OnCr(MsrEvent e) => Allow;"));
        Assert.Null(result.Generation);
        Assert.Equal(["CS0103", "KP0403"], result.Findings.Select(finding => finding.Code));
    }

    [Fact]
    public void Two_policies_with_one_id_are_refused()
    {
        var result = Build(Inline("a", "Decision OnCr(CrEvent e) => Allow;"), Inline("a", "Decision OnCr(CrEvent e) => Allow;"));
        Assert.Equal("KP0601", Assert.Single(result.Findings).Code);
    }

    [Fact]
    public void A_policy_of_then_alone_has_no_instance()
    {
        var bound = Build(Define("p", new(), On(EventKind.Cr, null), On(EventKind.Msr, null))).Generation!.Policies[0].Factory.Create(new RecordingServices());
        Assert.Null(bound.Instance);
        Assert.Equal([null, null], bound.Handlers);
    }

    [Fact]
    public void A_handler_without_code_is_a_finding() =>
        Assert.Equal("KP0402", Assert.Single(Build(Define("p", new(), On(EventKind.Cr, "OnCr"))).Findings).Code);

    [Fact]
    public void Hundred_generations_with_scripts_and_plugins_leave_none_alive()
    {
        _folder.Write("census/Census.dll", TestAssembly.Build("Census", TestAssembly.GoodPlugin));
        var builder = Builder();
        for (var round = 0; round < 100; round++)
            UseOne(builder, round);

        Collect();
        Assert.Equal(0, builder.GenerationsAlive);
    }

    [Fact]
    public void A_handler_that_is_kept_keeps_its_generation()
    {
        var builder = Builder();
        var handler = MakeAndRelease(builder);
        Collect();
        Assert.Equal(1, builder.GenerationsAlive);
        GC.KeepAlive(handler);
    }

    [Fact]
    public void A_failed_build_leaves_nothing_alive()
    {
        _folder.Write("census/Census.dll", TestAssembly.Build("Census", TestAssembly.GoodPlugin));
        var weak = FailAfterLoading();
        Collect();
        Assert.All(weak, reference => Assert.False(reference.IsAlive));
    }

    [MethodImpl(MethodImplOptions.NoInlining)]
    private static Delegate MakeAndRelease(GenerationBuilder builder)
    {
        var generation = builder.Build([Inline("a", "Decision OnCr(CrEvent e) => Allow;")], PluginCatalog.Empty, null).Generation!;
        var handler = generation.Policies[0].Factory.Create(new RecordingServices()).Handlers[0]!;
        generation.Release();
        return handler;
    }

    // Nothing of a generation may be left in this frame's locals when the unload is checked.
    [MethodImpl(MethodImplOptions.NoInlining)]
    private void UseOne(GenerationBuilder builder, int round)
    {
        var script = Inline("s", $"using Test.Plugins; var census = Service<ICounter>(); Decision OnCr(CrEvent e) => Set({round % 10} + (ulong)census.Count);") with
        {
            Requires = new() { Plugins = ["census"] },
        };
        var result = builder.Build([script, Plugin("p", "census", "Census")], PluginSetLoader.Discover([_folder.Path]), null);
        var generation = result.Generation!;
        var services = new Dictionary<Type, object>();
        var bound = generation.CreationOrder.Select(policy => policy.Factory.Create(new RecordingServices(services))).ToList();
        DecideCr(bound[0].Handlers[0], CrMessage(1, 2));
        Assert.Equal(Decision.Set((ulong)(round % 10) + 1), DecideCr(bound[1].Handlers[0], CrMessage(1, 2)));
        generation.Release();
    }

    [MethodImpl(MethodImplOptions.NoInlining)]
    private List<WeakReference> FailAfterLoading()
    {
        var loader = new RememberingLoader();
        var builder = new GenerationBuilder(Compiler, loader, TimeProvider.System);
        var result = builder.Build([Plugin("p", "census", "Census"), Plugin("q", "census", "None")], PluginSetLoader.Discover([_folder.Path]), null);
        Assert.Null(result.Generation);
        Assert.Single(loader.Loaded);
        return loader.Loaded;
    }

    private static void Collect()
    {
        for (var i = 0; i < 10; i++)
        {
#pragma warning disable RS0030 // The product never forces a collection; proving an unload needs one.
            GC.Collect();
#pragma warning restore RS0030
            GC.WaitForPendingFinalizers();
        }
    }

    private sealed class RememberingLoader : IPluginLoader
    {
        private readonly CollectiblePluginLoader _loader = new();

        public List<WeakReference> Loaded { get; } = [];

        public ILoadedPlugin Load(PluginLoadOptions options)
        {
            var plugin = _loader.Load(options);
            Loaded.Add(new(System.Runtime.Loader.AssemblyLoadContext.GetLoadContext(plugin.MainAssembly), trackResurrection: true));
            return plugin;
        }
    }
}
