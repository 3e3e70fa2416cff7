using Kvmi.Protocol;

namespace Kvmi.Simulator.Machine.Model;

/// <summary>One page of guest-physical memory.</summary>
internal sealed partial class Frame(ulong gpa)
{
    /// <summary>Bit of <see cref="EffectiveIn"/>: in this view the page shows other memory than its own.</summary>
    public const byte Replaced = 8;

    /// <summary>How far the bits of one view are from those of the next.</summary>
    public const int ViewShift = 8;

    /// <summary>Views that there is room for.</summary>
    public const int MaxViews = 32 / ViewShift;

    private const uint AllInEachView = 0x0707_0707;

    private byte[]? _data;
    private int _version;
    private uint _access = AllInEachView;
    private volatile uint _effective = AllInEachView;

    /// <summary>Guest-physical address of the first byte.</summary>
    public ulong Gpa { get; } = gpa;

    /// <summary>The 4096 bytes, made when first asked for: a tool may restrict pages that nobody ever touches.</summary>
    public byte[] Data => Volatile.Read(ref _data) ?? MakeData();

    /// <summary>True when no view has anything special to say of this page.</summary>
    public bool IsPlain => _effective == AllInEachView && Volatile.Read(ref _access) == AllInEachView;

    /// <summary>Changes with every write: decoded instructions remember it and so notice that their bytes were patched.</summary>
    public int Version => Volatile.Read(ref _version);

    /// <summary>
    /// Read, write and execute as <see cref="PageAccess"/> has them, and <see cref="Replaced"/>. A bit that is missing means: ask
    /// <see cref="SecondLevel"/>, which knows the exceptions.
    /// </summary>
    /// <param name="shift">Number of the view times <see cref="ViewShift"/>.</param>
    public byte EffectiveIn(int shift) => (byte)(_effective >> shift);

    /// <summary>Access rights in a view as they were set.</summary>
    public PageAccess AccessIn(int view) => (PageAccess)(Volatile.Read(ref _access) >> (view * ViewShift)) & PageAccess.All;

    /// <summary>Sets the rights of a view and what follows from them. One thread at a time.</summary>
    public void SetView(int view, PageAccess access, byte effective)
    {
        var shift = view * ViewShift;
        var mask = ~(0xFFu << shift);
        Volatile.Write(ref _access, (_access & mask) | ((uint)access << shift));
        _effective = (_effective & mask) | ((uint)effective << shift);
    }

    /// <summary>All rights and nothing special in every view. One thread at a time.</summary>
    public void ResetViews()
    {
        Volatile.Write(ref _access, AllInEachView);
        _effective = AllInEachView;
    }

    /// <summary>Notes a write. To be called after the bytes are in place, so that nobody decodes old bytes under the new version.</summary>
    public void Touch() => Interlocked.Increment(ref _version);

    private byte[] MakeData()
    {
        var made = new byte[PhysicalMemory.PageSize];
        return Interlocked.CompareExchange(ref _data, made, null) ?? made;
    }
}
