using System.Runtime.Loader;

namespace Kvmi.Policy.Engine.Generations;

/// <summary>
/// Whether a generation's code is still in memory, and why. Holds none of it, so that watching does not keep alive what is watched. The builder of the
/// generation writes names and contexts before others see it; the rest is for any thread.
/// </summary>
internal sealed class GenerationLife
{
    /// <summary>Full collections after which code counts as pinned: a context is finalised, its allocator after it, each in a collection of its own.</summary>
    public const int Patience = 4;

    private readonly List<(string? Plugin, string Name, WeakReference Context)> _contexts = [];
    private int _releasedAt = -1;

    /// <summary>The generation, once it is built.</summary>
    public int Number { get; set; }

    /// <summary>True while a load context is in memory, and so is the code.</summary>
    public bool IsAlive => _contexts.Exists(context => context.Context.IsAlive);

    /// <summary>Full collections that it has outlived since its last user let go; null while it is in use.</summary>
    private int? Outlived => Volatile.Read(ref _releasedAt) is >= 0 and var count ? GC.CollectionCount(GC.MaxGeneration) - count : null;

    /// <summary>Adds a load context. A weak reference must track resurrection, because a context that is being unloaded is finalised first.</summary>
    /// <param name="plugin">Id of the plugin; null for scripts.</param>
    /// <param name="name">For people.</param>
    /// <param name="context">The context.</param>
    public void Add(string? plugin, string name, AssemblyLoadContext context) => _contexts.Add((plugin, name, new(context, trackResurrection: true)));

    /// <summary>The last user let go: from here on only the garbage collector is waited for.</summary>
    public void Release() => Volatile.Write(ref _releasedAt, GC.CollectionCount(GC.MaxGeneration));

    /// <summary>What of it is in memory, and why.</summary>
    public EarlierGeneration Describe()
    {
        var hold = Outlived switch
        {
            null => GenerationHold.InUse,
            < Patience => GenerationHold.AwaitsCollection,
            _ => GenerationHold.Pinned,
        };
        return new(Number, hold, [.. _contexts.Where(context => context.Context.IsAlive).Select(context => context.Name)]);
    }

    /// <summary>What of it something outside holds.</summary>
    public IEnumerable<PinnedCode> Pinned() => Outlived is >= Patience and var outlived
        ? _contexts.Where(context => context.Context.IsAlive).Select(context => new PinnedCode(Number, context.Plugin, outlived))
        : [];
}
