using System.Runtime.Loader;

namespace Kvmi.Policy.Engine.Generations;

/// <summary>
/// Whether a generation's code is still in memory, and why. Holds none of it, so that watching does not keep alive what is watched. The builder of the
/// generation writes names and contexts before others see it; the rest is for any thread.
/// </summary>
internal sealed class GenerationLife
{
    // A context is finalised, its allocator after it, and each takes a collection of its own; one more for what was in flight.
    private const int EnoughCollections = 4;

    private readonly List<(string Name, WeakReference Context)> _contexts = [];
    private int _collections = -1;

    /// <summary>The generation, once it is built.</summary>
    public int Number { get; set; }

    /// <summary>True while a load context is in memory, and so is the code.</summary>
    public bool IsAlive => _contexts.Exists(context => context.Context.IsAlive);

    /// <summary>Adds a load context. A weak reference must track resurrection, because a context that is being unloaded is finalised first.</summary>
    public void Add(string name, AssemblyLoadContext context) => _contexts.Add((name, new(context, trackResurrection: true)));

    /// <summary>The last user let go: from here on only the garbage collector is waited for.</summary>
    public void Released() => Volatile.Write(ref _collections, GC.CollectionCount(GC.MaxGeneration));

    /// <summary>What of it is in memory, and why.</summary>
    public EarlierGeneration Describe()
    {
        var released = Volatile.Read(ref _collections);
        var hold = released < 0 ? GenerationHold.InUse
            : GC.CollectionCount(GC.MaxGeneration) - released < EnoughCollections ? GenerationHold.AwaitsCollection
            : GenerationHold.Pinned;
        return new(Number, hold, [.. _contexts.Where(context => context.Context.IsAlive).Select(context => context.Name)]);
    }
}
