using System.Runtime.Loader;
using Kvmi.Policy.Engine.Containment.Worker.Hosting;
using Kvmi.Policy.Engine.Plugins;

namespace Kvmi.Policy.Engine.Generations;

/// <summary>The loaded code of one generation: its plugins and the context of its scripts. Disposing it starts the unload.</summary>
internal sealed class GenerationCode : IDisposable
{
    private readonly Dictionary<string, ILoadedPlugin> _plugins = new(StringComparer.Ordinal);
    private ScriptLoadContext? _scripts;

    /// <summary>The plugins by id.</summary>
    public IReadOnlyDictionary<string, ILoadedPlugin> Plugins => _plugins;

    /// <summary>Whether the code is still in memory. It outlives this object.</summary>
    public GenerationLife Life { get; } = new();

    /// <summary>Adds a loaded plugin, which this owns from now on.</summary>
    public void Add(string id, ILoadedPlugin plugin)
    {
        _plugins.Add(id, plugin);
        if (AssemblyLoadContext.GetLoadContext(plugin.MainAssembly) is { IsCollectible: true } context)
            Life.Add(id, $"plugin {id}", context);
    }

    /// <summary>The workers of the untrusted policies; null without any.</summary>
    public WorkerPool? Workers { get; private set; }

    /// <summary>Adds the workers, which this owns from now on.</summary>
    public void Add(WorkerPool workers) => Workers = workers;

    /// <summary>Makes the context of the scripts; after the last plugin was added.</summary>
    /// <param name="generation">Number of the generation.</param>
    /// <param name="policies">The policies whose scripts it will hold.</param>
    public ScriptLoadContext OpenScripts(int generation, IEnumerable<string> policies)
    {
        _scripts = new(generation, _plugins.Values.Select(plugin => plugin.MainAssembly));
        Life.Add(null, $"scripts of {string.Join(", ", policies)}", _scripts);
        return _scripts;
    }

    public void Dispose()
    {
        Workers?.Dispose();
        Workers = null;
        _scripts?.Unload();
        _scripts = null;
        foreach (var plugin in _plugins.Values)
            plugin.Dispose();

        _plugins.Clear();
        Life.Release();
    }
}
