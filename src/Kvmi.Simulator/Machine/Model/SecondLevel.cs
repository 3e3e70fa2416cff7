using Kvmi.Protocol;

namespace Kvmi.Simulator.Machine.Model;

/// <summary>
/// The second level of address translation, all views of it. What nearly every access needs is in <see cref="Frame"/>; here is what few pages
/// have: replaced memory, sub-page write rights, #VE. Any thread.
/// </summary>
internal sealed class SecondLevel(PhysicalMemory memory) : IMachineViews
{
    private const int SubPageShift = 7;
    private const uint AllSubPages = uint.MaxValue;
    private readonly Lock _gate = new();
    private readonly Dictionary<(int View, Frame Frame), Special> _specials = [];
    private bool _subPageProtection;

    public int Count => Frame.MaxViews;

    public bool SubPageProtection
    {
        get
        {
            lock (_gate) return _subPageProtection;
        }

        set
        {
            lock (_gate)
            {
                _subPageProtection = value;
                foreach (var ((view, frame), special) in _specials) Apply(view, frame, frame.AccessIn(view), special);
            }
        }
    }

    public bool TryGetPageAccess(int view, ulong gpa, out PageAccess access)
    {
        access = memory.Peek(gpa)?.AccessIn(Math.Clamp(view, 0, Count - 1)) ?? PageAccess.All;
        return IsView(view) && memory.IsBacked(gpa);
    }

    public bool TrySetPageAccess(int view, ulong gpa, PageAccess access)
    {
        if (!TryFind(view, gpa, out var frame)) return false;
        lock (_gate) Apply(view, frame, access & PageAccess.All, _specials.GetValueOrDefault((view, frame)));
        return true;
    }

    public bool TryReplaceFrame(int view, ulong gpa, ulong target)
    {
        if (!TryFind(view, gpa, out var frame) || !memory.TryGetFrame(target, out var shown)) return false;
        Change(view, frame, special => special with { Shown = ReferenceEquals(shown, frame) ? null : shown });
        return true;
    }

    public bool TrySetSuppressVe(int view, ulong gpa, bool suppress)
    {
        if (!TryFind(view, gpa, out var frame)) return false;
        Change(view, frame, special => special with { ConvertsToVe = !suppress });
        return true;
    }

    public bool TrySetWriteBitmap(ulong gpa, uint bitmap)
    {
        if (!TryFind(0, gpa, out var frame)) return false;
        Change(0, frame, special => special with { WriteBitmap = bitmap });
        return true;
    }

    public void Reset()
    {
        lock (_gate)
        {
            _subPageProtection = false;
            _specials.Clear();
            foreach (var frame in memory.Frames)
            {
                if (!frame.IsPlain) frame.ResetViews();
            }
        }
    }

    /// <summary>The page whose memory a page shows in a view.</summary>
    public Frame ShownIn(int view, Frame frame)
    {
        lock (_gate) return _specials.GetValueOrDefault((view, frame)).Shown ?? frame;
    }

    /// <summary>True when a write that the page's bits do not allow is allowed by the bitmap of its parts.</summary>
    public bool AllowsPartialWrite(int view, Frame frame, int offset, int size)
    {
        lock (_gate)
        {
            if (!_subPageProtection || !_specials.TryGetValue((view, frame), out var special) || !special.HasBitmap) return false;
            var part = offset >> SubPageShift;
            return part == (offset + size - 1) >> SubPageShift && (special.WriteBitmap & (1u << part)) != 0;
        }
    }

    /// <summary>True when a forbidden access to the page can become a #VE.</summary>
    public bool ConvertsToVe(int view, Frame frame)
    {
        lock (_gate) return _specials.GetValueOrDefault((view, frame)).ConvertsToVe;
    }

    private bool IsView(int view) => (uint)view < (uint)Count;

    private bool TryFind(int view, ulong gpa, [System.Diagnostics.CodeAnalysis.NotNullWhen(true)] out Frame? frame)
    {
        frame = null;
        return IsView(view) && memory.TryGetFrame(gpa, out frame);
    }

    private void Change(int view, Frame frame, Func<Special, Special> change)
    {
        lock (_gate)
        {
            var special = change(_specials.GetValueOrDefault((view, frame)));
            if (special == default) _specials.Remove((view, frame));
            else _specials[(view, frame)] = special;
            Apply(view, frame, frame.AccessIn(view), special);
        }
    }

    private void Apply(int view, Frame frame, PageAccess access, Special special)
    {
        var effective = access;
        if (_subPageProtection && special.HasBitmap) effective &= ~PageAccess.Write;
        frame.SetView(view, access, (byte)((byte)effective | (special.Shown is null ? 0 : Frame.Replaced)));
    }

    private readonly record struct Special
    {
        // Kept inverted, so that a page about which there is nothing to say is the default value.
        private readonly uint _deniedParts;

        public Frame? Shown { get; init; }

        public bool ConvertsToVe { get; init; }

        public uint WriteBitmap
        {
            get => ~_deniedParts;
            init => _deniedParts = ~value;
        }

        public bool HasBitmap => WriteBitmap != AllSubPages;
    }
}
