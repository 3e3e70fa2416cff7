namespace Kvmi.Policy.Engine.Leases;

/// <summary>Guest memory that was written, with what was there before.</summary>
internal sealed class MemoryPatch
{
    public MemoryPatch(uint id, LeaseOwner owner, ulong gpa, byte[] former, byte[] written)
    {
        Id = id;
        Owner = owner;
        Gpa = gpa;
        Former = former;
        Written = written;
    }

    /// <summary>Number in the journal.</summary>
    public uint Id { get; }

    public LeaseOwner Owner { get; }

    public ulong Gpa { get; }

    public int Length => Written.Length;

    /// <summary>What goes back.</summary>
    public byte[] Former { get; }

    /// <summary>What the guest should hold.</summary>
    public byte[] Written { get; private set; }

    /// <summary>What it may hold instead, when the last write over the same bytes did not happen or not completely; null before that.</summary>
    public byte[]? WrittenBefore { get; private set; }

    /// <summary>The same bytes are written once more.</summary>
    public void Rewrite(ReadOnlySpan<byte> bytes)
    {
        WrittenBefore = Written;
        Written = bytes.ToArray();
    }

    /// <summary>True when the byte at this place is one that the patch wrote.</summary>
    public bool IsOwn(int index, byte current) => current == Written[index] || (WrittenBefore is { } before && current == before[index]);

    // Subtractions instead of sums: the last byte of the address space must not overflow.
    public bool Overlaps(ulong gpa, int length) => gpa >= Gpa ? gpa - Gpa < (ulong)Length : Gpa - gpa < (ulong)length;
}
