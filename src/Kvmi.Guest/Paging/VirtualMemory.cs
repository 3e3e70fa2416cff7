using Kvmi.Guest.Memory;
using Kvmi.Protocol.Registers;

namespace Kvmi.Guest.Paging;

/// <summary>Reads guest-virtual memory page by page.</summary>
public static class VirtualMemory
{
    private const int PageSize = 4096;

    /// <summary>Fills the destination; the number of bytes read before the first page that is not mapped or not readable.</summary>
    /// <param name="memory">Physical memory.</param>
    /// <param name="sregs">The vCPU's page tables.</param>
    /// <param name="gva">First linear address; a read does not wrap around the end of the address space.</param>
    /// <param name="destination">Where the bytes go.</param>
    public static int Read<TMemory>(TMemory memory, in KvmSregs sregs, ulong gva, Span<byte> destination)
        where TMemory : IPhysicalMemory
    {
        var done = 0;
        while (done < destination.Length)
        {
            var address = gva + (ulong)done;
            if (address < gva || PageWalker.Translate(memory, in sregs, address, out var gpa) != TranslationStatus.Mapped)
            {
                break;
            }

            var length = Math.Min(destination.Length - done, PageSize - (int)(address & (PageSize - 1)));
            if (!memory.TryRead(gpa, destination.Slice(done, length)))
            {
                break;
            }

            done += length;
        }

        return done;
    }
}
