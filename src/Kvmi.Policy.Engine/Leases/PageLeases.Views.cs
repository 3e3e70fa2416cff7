using System.Runtime.InteropServices;
using Kvmi.Protocol;

namespace Kvmi.Policy.Engine.Leases;

/// <content>Other EPT views than 0: a policy that runs a vCPU in one of its own opens there what it guards itself, and nothing of what others guard.</content>
internal sealed partial class PageLeases
{
    private readonly List<ViewRights> _views = [];

    /// <summary>Brings the pages of a view to what all policies but its owner wish, from now on.</summary>
    /// <returns>The kernel's error; the view is then not kept.</returns>
    public KvmiError AddView(ushort view, LeaseOwner owner)
    {
        var rights = new ViewRights(view, owner);
        _views.Add(rights);

        // Every page of the list: no document says whether a new view begins with the rights of view 0.
        var error = SendTo(rights, [.. _pages.Keys.Order()], open: false);
        if (error != KvmiError.None)
        {
            RemoveView(view, open: true);
        }

        return error;
    }

    /// <summary>Forgets a view.</summary>
    /// <param name="view">Number of the view.</param>
    /// <param name="open">True when it goes on existing: then all its pages are opened.</param>
    public KvmiError RemoveView(ushort view, bool open)
    {
        var index = _views.FindIndex(rights => rights.View == view);
        if (index < 0)
        {
            return KvmiError.None;
        }

        var removed = _views[index];
        _views.RemoveAt(index);
        return open ? SendTo(removed, [.. _pages.Keys.Order()], open: true) : KvmiError.None;
    }

    /// <summary>Tells all views but those of the one who wished it about a page.</summary>
    private KvmiError SendToViews(LeaseOwner? wisher, ulong gfn)
    {
        var first = KvmiError.None;
        foreach (ref readonly var rights in CollectionsMarshal.AsSpan(_views))
        {
            if (!ReferenceEquals(rights.Owner, wisher))
            {
                var entry = new PageAccessEntry(gfn << 12, InForceIn(rights, gfn));
                var error = _vm.SetPageAccess(rights.View, new ReadOnlySpan<PageAccessEntry>(in entry));
                first = first == KvmiError.None ? error : first;
            }
        }

        return first;
    }

    /// <summary>Tells all views but those of the one who wished it about many pages.</summary>
    private KvmiError SendToViews(LeaseOwner wisher, IReadOnlyList<ulong> gfns)
    {
        var first = KvmiError.None;
        foreach (var rights in _views)
        {
            if (!ReferenceEquals(rights.Owner, wisher))
            {
                var error = SendTo(rights, gfns, open: false);
                first = first == KvmiError.None ? error : first;
            }
        }

        return first;
    }

    private KvmiError SendTo(ViewRights rights, IReadOnlyList<ulong> gfns, bool open)
    {
        var first = KvmiError.None;
        for (var done = 0; done < gfns.Count;)
        {
            var count = Math.Min(BatchSize, gfns.Count - done);
            for (var i = 0; i < count; i++)
            {
                var gfn = gfns[done + i];
                _batch[i] = new PageAccessEntry(gfn << 12, open ? PageAccess.All : InForceIn(rights, gfn));
            }

            var error = _vm.SetPageAccess(rights.View, _batch.AsSpan(0, count));
            first = first == KvmiError.None ? error : first;
            done += count;
        }

        return first;
    }

    private PageAccess InForceIn(in ViewRights rights, ulong gfn) =>
        _pages.TryGetValue(gfn, out var page) ? page.InForce(except: rights.Owner) : PageAccess.All;

    private static ulong[] Frames(ulong first, ulong last)
    {
        var frames = new ulong[last - first + 1];
        for (var i = 0; i < frames.Length; i++)
        {
            frames[i] = first + (ulong)i;
        }

        return frames;
    }
}
