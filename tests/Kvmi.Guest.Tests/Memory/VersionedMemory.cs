using Kvmi.Guest.Memory;

namespace Kvmi.Guest.Tests.Memory;

/// <summary>Memory whose every byte is the number of the moment at which it is read; some pages cannot be.</summary>
internal sealed class VersionedMemory : IPhysicalMemory
{
    public byte Now { get; set; } = 1;

    public HashSet<ulong> Missing { get; } = [];

    public int Reads { get; private set; }

    public bool TryRead(ulong gpa, Span<byte> destination)
    {
        Reads++;
        if (gpa >> 12 != (gpa + (ulong)destination.Length - 1) >> 12)
        {
            throw new InvalidOperationException("A request crosses a page.");
        }

        destination.Fill(Now);
        return !Missing.Contains(gpa >> 12);
    }
}
