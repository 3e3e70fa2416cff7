using Kvmi.Policy;

[assembly: PolicyPlugin("process-census")]

namespace Kvmi.Policy.Plugins.ProcessCensus;

/// <summary>
/// Learns the address spaces of a VM from its CR3 writes and offers them to scripts as <see cref="IProcessCensus"/>. It
/// only watches: every answer is allow. Attack: a hidden process has to load its root like any other, so a census taken
/// below the guest cannot be lied to. Cost: one event per CR3 write, the most expensive event there is; for short runs.
/// </summary>
public sealed class ProcessCensusPolicy : PolicyBase, IProcessCensus
{
    /// <summary>Roots that are remembered; later ones are counted as overflow.</summary>
    public const int Capacity = 4096;

    private const ulong RootMask = 0x000F_FFFF_FFFF_F000;

    // A tuple, not a type of this assembly: state outlives a reload, and a plugin's own type would keep the old code in
    // memory and be another type for the new one. Times are UTC ticks.
    private IBoundedMap<ulong, (long FirstSeen, long LastSeen, long Switches)> _roots = null!;
    private IPolicyFact _addressSpaces = null!;
    private IPolicyFact _switches = null!;
    private IPolicyFact _overflowed = null!;

    /// <inheritdoc/>
    public int Count => _roots.Count;

    /// <inheritdoc/>
    public long TotalSwitches => _switches.Value;

    /// <inheritdoc/>
    public long Overflowed => _overflowed.Value;

    /// <inheritdoc/>
    public bool TryGetFirstSeen(ulong root, out DateTimeOffset firstSeen)
    {
        var known = _roots.TryGet(root & RootMask, out var space);
        firstSeen = new(space.FirstSeen, TimeSpan.Zero);
        return known;
    }

    /// <inheritdoc/>
    public bool TryGetLastSeen(ulong root, out DateTimeOffset lastSeen)
    {
        var known = _roots.TryGet(root & RootMask, out var space);
        lastSeen = new(space.LastSeen, TimeSpan.Zero);
        return known;
    }

    /// <inheritdoc/>
    public long Switches(ulong root) => _roots.TryGet(root & RootMask, out var space) ? space.Switches : 0;

    /// <summary>The handler of CR events: counts writes of CR3.</summary>
    public Decision OnCr3(CrEvent e)
    {
        if (e.Cr != 3)
            return Allow;

        _switches.Value++;
        var root = e.New & RootMask;
        var now = Clock.UtcNow.UtcTicks;
        var space = _roots.TryGet(root, out var known)
            ? (known.FirstSeen, now, known.Switches + 1)
            : (now, now, 1);
        if (_roots.TrySet(root, space))
            _addressSpaces.Value = _roots.Count;
        else
            _overflowed.Value++;

        return Allow;
    }

    /// <inheritdoc/>
    protected override void OnAttach()
    {
        _roots = State.Map<ulong, (long FirstSeen, long LastSeen, long Switches)>("roots", Capacity);
        _addressSpaces = Facts.Get("address spaces");
        _switches = Facts.Get("switches");
        _overflowed = Facts.Get("overflowed");
        _addressSpaces.Value = _roots.Count;
        Publish<IProcessCensus>(this);
    }
}
