using System.Runtime.CompilerServices;
using Kvmi.Policy.Engine.Findings;
using Kvmi.Policy.Engine.Generations;
using Kvmi.Policy.Engine.Plugins;
using Kvmi.Policy.Engine.Tests.Scripting;
using static Kvmi.Policy.Engine.Tests.Scripting.Policies;

namespace Kvmi.Policy.Engine.Tests.Plugins;

/// <summary>What unloads, what does not, and that the host says which plugin it is and goes on. The plugins are the projects of tests/TestPlugins.</summary>
public sealed class PluginUnloadTests
{
    private static readonly PluginCatalog Catalog = PluginSetLoader.Discover([Path.Combine(AppContext.BaseDirectory, "test-plugins")]);

    [Theory]
    [InlineData("leaking-thread")]
    [InlineData("leaking-timer")]
    [InlineData("leaking-task")]
    [InlineData("leaking-event")]
    [InlineData("leaking-json")]
    [InlineData("leaking-async-local")]
    [InlineData("leaking-type-descriptor")]
    [InlineData("leaking-dynamic")]
    public void A_plugin_that_something_holds_is_named_once_and_the_others_unload(string id)
    {
        Assert.Empty(Catalog.Problems);
        var builder = Builder();
        Use(builder, id, "clean");
        Assert.Empty(builder.PinnedCode);
        Collect();
        var pinned = Assert.Single(builder.PinnedCode);
        Assert.Equal((1, id), (pinned.Generation, pinned.Plugin));
        Assert.True(pinned.Collections >= GenerationLife.Patience);
        Assert.Equal(1, builder.GenerationsAlive);

        var finding = Assert.Single(builder.TakePinnedFindings());
        Assert.Equal(("KP0521", FindingSeverity.Warning), (finding.Code, finding.Severity));
        Assert.Contains($"plugin '{id}' of generation 1 is still in memory after ", finding.Message, StringComparison.Ordinal);
        Assert.Empty(builder.TakePinnedFindings());

        // It goes on: the next generation has the same plugin anew, and is told of in its turn.
        Use(builder, id, "clean");
        Collect();
        Assert.Equal([(1, id), (2, id)], builder.PinnedCode.Select(code => (code.Generation, code.Plugin)));
        Assert.Contains("of generation 2", Assert.Single(builder.TakePinnedFindings()).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void A_plugin_that_holds_nothing_outside_unloads_a_hundred_times()
    {
        var builder = Builder();
        for (var round = 0; round < 100; round++)
        {
            Use(builder, "clean");
        }

        Collect();
        Assert.Empty(builder.PinnedCode);
        Assert.Empty(builder.TakePinnedFindings());
        Assert.Equal(0, builder.GenerationsAlive);
    }

    [Fact]
    public void Code_that_is_still_in_use_is_not_called_pinned()
    {
        var builder = Builder();
        var generation = builder.Build([Plugin("clean", "clean", null)], Catalog, null).Generation!;
        Collect();
        Assert.Empty(builder.PinnedCode);
        Assert.Equal(1, builder.GenerationsAlive);
        generation.Release();
    }

    // Nothing of a generation may be left in the caller's frame when the unload is checked.
    [MethodImpl(MethodImplOptions.NoInlining)]
    private static void Use(GenerationBuilder builder, params string[] plugins)
    {
        var result = builder.Build([.. plugins.Select(id => Plugin(id, id, null))], Catalog, null);
        Assert.Empty(result.Findings);
        foreach (var policy in result.Generation!.Policies)
        {
            var bound = policy.Factory.Create(new RecordingServices());
            Assert.Equal(Decision.Allow, DecideCr(bound.Handlers[0], CrMessage(1, 2)));
            bound.Instance!.Detach();
        }

        result.Generation.Release();
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
}
