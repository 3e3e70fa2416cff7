using System.Reflection;

namespace Kvmi.Policy.Engine.Plugins;

/// <summary>A loaded plugin. Disposing it starts the unload, which ends when nothing refers to its types any more.</summary>
public interface ILoadedPlugin : IDisposable
{
    /// <summary>The main assembly.</summary>
    Assembly MainAssembly { get; }
}
