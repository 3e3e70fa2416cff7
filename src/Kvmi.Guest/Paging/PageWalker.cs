using System.Buffers.Binary;
using Kvmi.Guest.Memory;
using Kvmi.Protocol.Registers;

namespace Kvmi.Guest.Paging;

/// <summary>
/// Guest-virtual to guest-physical with the page tables of one vCPU (Intel SDM volume 3, chapter 5): no paging, 32-bit,
/// PAE, 4-level and 5-level, with large pages. An entry with reserved bits set ends the walk, as far as they can be known without CPUID:
/// addresses are taken to have 52 bits. Access rights are not checked, and the accessed and dirty bits are not set. A walk reads at most
/// five entries, whatever the tables hold, and allocates nothing.
/// <para>
/// PAE's page-directory-pointer entries are read from memory; a processor uses what it read when CR3 was loaded.
/// </para>
/// </summary>
public static class PageWalker
{
    /// <summary>Translates an address.</summary>
    /// <param name="memory">Where the tables are read from.</param>
    /// <param name="sregs">CR0, CR3, CR4 and EFER of the vCPU.</param>
    /// <param name="gva">The linear address.</param>
    /// <param name="gpa">The guest-physical address; 0 unless mapped.</param>
    public static TranslationStatus Translate<TMemory>(TMemory memory, in KvmSregs sregs, ulong gva, out ulong gpa)
        where TMemory : IPhysicalMemory
    {
        var walk = new PageWalk(in sregs, gva);
        Span<byte> entry = stackalloc byte[8];
        entry.Clear();
        while (walk.NeedsEntry)
        {
            if (memory.TryRead(walk.EntryGpa, entry[..walk.EntrySize]))
            {
                walk.Take(BinaryPrimitives.ReadUInt64LittleEndian(entry));
            }
            else
            {
                walk.Fail();
            }
        }

        gpa = walk.Gpa;
        return walk.Status;
    }
}
