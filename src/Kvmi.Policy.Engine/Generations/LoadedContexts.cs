using System.Runtime.Loader;

namespace Kvmi.Policy.Engine.Generations;

/// <summary>The load contexts of one generation, weakly: what is left of it to look at when everybody has let go.</summary>
internal sealed class LoadedContexts
{
    private readonly List<(string? Plugin, WeakReference Reference)> _contexts = [];
    private int _endedAt = -1;

    /// <summary>The contexts with their plugin; null for the scripts.</summary>
    public IReadOnlyList<(string? Plugin, WeakReference Reference)> Contexts => _contexts;

    /// <summary>Full collections of the process when the code was let go; null before that. Any thread.</summary>
    public int? EndedAt => Volatile.Read(ref _endedAt) is >= 0 and var count ? count : null;

    /// <summary>Adds a context. It must be tracked over its finaliser: a context that is being unloaded is finalised first.</summary>
    public void Add(string? plugin, AssemblyLoadContext context) => _contexts.Add((plugin, new(context, trackResurrection: true)));

    /// <summary>Everybody has let go.</summary>
    public void End() => Volatile.Write(ref _endedAt, GC.CollectionCount(GC.MaxGeneration));
}
