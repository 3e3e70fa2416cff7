using System.Reflection;
using Kvmi.Policy.Engine.Plugins;

namespace Kvmi.Policy.Testing.Hosting;

/// <summary>Gives the assemblies that the process has already; loads others as the host does.</summary>
internal sealed class ReferencedPluginLoader(IReadOnlyList<Assembly> assemblies) : IPluginLoader
{
    private readonly CollectiblePluginLoader _others = new();

    public ILoadedPlugin Load(PluginLoadOptions options) =>
        assemblies.FirstOrDefault(assembly => Path.GetFullPath(assembly.Location) == options.MainAssemblyPath) is { } assembly
            ? new Referenced(assembly)
            : _others.Load(options);

    private sealed class Referenced(Assembly assembly) : ILoadedPlugin
    {
        public Assembly MainAssembly => assembly;

        public void Dispose()
        {
            // It is the test's.
        }
    }
}
