namespace Kvmi.Policy.Engine.Generations;

/// <summary>
/// Which generations still have code in memory. It only looks: collections come when the runtime wants them, and a load context needs at
/// least two full ones to go. The caller locks.
/// </summary>
internal sealed class CodeInMemory
{
    private readonly List<GenerationLife> _built = [];
    private readonly HashSet<(int Generation, string? Plugin)> _told = [];

    /// <summary>Generations with code in memory, oldest first.</summary>
    public IReadOnlyList<GenerationLife> Alive
    {
        get
        {
            _built.RemoveAll(life => !life.IsAlive);
            return _built;
        }
    }

    /// <summary>The pinned code, oldest first.</summary>
    public IReadOnlyList<PinnedCode> Pinned => [.. Alive.SelectMany(life => life.Pinned())];

    /// <summary>A generation was built.</summary>
    public void Add(int number, GenerationLife life)
    {
        _built.RemoveAll(known => !known.IsAlive);
        life.Number = number;
        _built.Add(life);
    }

    /// <summary>The pinned code that was not given by this method before.</summary>
    public IReadOnlyList<PinnedCode> TakeNews()
    {
        var pinned = Pinned;
        _told.IntersectWith(pinned.Select(code => (code.Generation, code.Plugin)));
        return [.. pinned.Where(code => _told.Add((code.Generation, code.Plugin)))];
    }
}
