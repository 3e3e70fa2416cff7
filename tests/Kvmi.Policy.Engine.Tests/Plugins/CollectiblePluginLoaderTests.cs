using Kvmi.Policy.Engine.Plugins;

namespace Kvmi.Policy.Engine.Tests.Plugins;

/// <summary>The default loader.</summary>
public sealed class CollectiblePluginLoaderTests : PluginLoaderConformance
{
    protected override IPluginLoader Loader { get; } = new CollectiblePluginLoader();

    [Fact]
    public void It_has_one_way_to_load()
    {
        var options = new PluginLoadOptions { MainAssemblyPath = "/a.dll", MainAssemblyImage = default, SharedTypes = [] };
        Assert.Throws<ArgumentException>(() => Loader.Load(options with { LoadInMemory = false }));
        Assert.Throws<ArgumentException>(() => Loader.Load(options with { IsUnloadable = false }));
    }
}
