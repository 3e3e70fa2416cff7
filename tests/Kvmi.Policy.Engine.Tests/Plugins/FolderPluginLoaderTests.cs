using Kvmi.Policy.Engine.Generations;
using Kvmi.Policy.Engine.Plugins;
using Kvmi.Policy.Engine.Tests.Scripting;
using static Kvmi.Policy.Engine.Tests.Scripting.Policies;

namespace Kvmi.Policy.Engine.Tests.Plugins;

/// <summary>A loader that is not ours passes the same tests, and the engine builds generations with it.</summary>
public sealed class FolderPluginLoaderTests : PluginLoaderConformance
{
    protected override IPluginLoader Loader { get; } = new FolderPluginLoader();

    [Fact]
    public void A_generation_is_built_with_it()
    {
        using var folder = new TemporaryFolder();
        folder.Write("census/Census.dll", TestAssembly.Build("Census", TestAssembly.GoodPlugin));
        var result = new GenerationBuilder(Compiler, Loader, TimeProvider.System).Build([Plugin("p", "census", "Census")], PluginSetLoader.Discover([folder.Path]), null);
        Assert.Empty(result.Findings);
        Assert.Equal(Decision.Keep(5), DecideCr(result.Generation!.Policies[0].Factory.Create(new RecordingServices()).Handlers[0], CrMessage(5, 6)));
        result.Generation.Release();
    }
}
