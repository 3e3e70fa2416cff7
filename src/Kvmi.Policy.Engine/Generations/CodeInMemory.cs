namespace Kvmi.Policy.Engine.Generations;

/// <summary>
/// Which code of which generation is still in memory. It only looks: collections come when the runtime wants them, and a load context needs at
/// least two full ones to go. The caller locks.
/// </summary>
internal sealed class CodeInMemory
{
    /// <summary>Full collections after which code counts as pinned. One finds that the context is unused, the next ones take away what its end held.</summary>
    public const int Patience = 4;

    private readonly List<(int Number, LoadedContexts Life)> _built = [];
    private readonly HashSet<(int Generation, string? Plugin)> _told = [];

    /// <summary>Generations with code in memory.</summary>
    public int Count
    {
        get
        {
            Forget();
            return _built.Count;
        }
    }

    /// <summary>The pinned code, oldest first.</summary>
    public IReadOnlyList<PinnedCode> Pinned
    {
        get
        {
            Forget();
            var now = GC.CollectionCount(GC.MaxGeneration);
            return
            [
                .. from built in _built
                   let outlived = built.Life.EndedAt is { } end ? now - end : 0
                   where outlived >= Patience
                   from context in built.Life.Contexts
                   where context.Reference.IsAlive
                   select new PinnedCode(built.Number, context.Plugin, outlived),
            ];
        }
    }

    /// <summary>A generation was built.</summary>
    public void Add(int number, LoadedContexts life)
    {
        Forget();
        _built.Add((number, life));
    }

    /// <summary>The pinned code that was not given by this method before.</summary>
    public IReadOnlyList<PinnedCode> TakeNews()
    {
        var pinned = Pinned;
        _told.IntersectWith(pinned.Select(code => (code.Generation, code.Plugin)));
        return [.. pinned.Where(code => _told.Add((code.Generation, code.Plugin)))];
    }

    private void Forget() => _built.RemoveAll(built => !built.Life.Contexts.Any(context => context.Reference.IsAlive));
}
