using Kvmi.Protocol;

namespace Kvmi.Simulator.Machine.Model;

/// <summary>One page of guest-physical memory.</summary>
internal sealed partial class Frame(ulong gpa)
{
    private byte[]? _data;
    private int _version;
    private volatile byte _access = (byte)PageAccess.All;

    /// <summary>Guest-physical address of the first byte.</summary>
    public ulong Gpa { get; } = gpa;

    /// <summary>The 4096 bytes, made when first asked for: a tool may restrict pages that nobody ever touches.</summary>
    public byte[] Data => Volatile.Read(ref _data) ?? MakeData();

    /// <summary>Access rights, as the second level of page tables has them.</summary>
    public PageAccess Access
    {
        get => (PageAccess)_access;
        set => _access = (byte)value;
    }

    /// <summary>Changes with every write: decoded instructions remember it and so notice that their bytes were patched.</summary>
    public int Version => Volatile.Read(ref _version);

    /// <summary>Notes a write. To be called after the bytes are in place, so that nobody decodes old bytes under the new version.</summary>
    public void Touch() => Interlocked.Increment(ref _version);

    private byte[] MakeData()
    {
        var made = new byte[PhysicalMemory.PageSize];
        return Interlocked.CompareExchange(ref _data, made, null) ?? made;
    }
}
