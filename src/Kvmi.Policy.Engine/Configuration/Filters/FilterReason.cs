using System.Numerics;
using Kvmi.Policy.Engine.Configuration.Reading;
using Kvmi.Policy.Engine.Model;
using Kvmi.Protocol;

namespace Kvmi.Policy.Engine.Configuration.Filters;

/// <summary>Why no event of a kind can match a filter, from what the machine and the protocol say about that event.</summary>
internal static class FilterReason
{
    private const ulong LastVector = 31;
    private const ulong LastVcpu = ushort.MaxValue;

    /// <summary>CR3 without PCID and flags, as filters see it.</summary>
    private const ulong RootPlaces = 0x000F_FFFF_FFFF_F000;

    // Addresses of 57 bits at most (5-level paging) are sign-extended, physical ones have 52 (Intel SDM volume 1, 3.3.7.1; volume 3, 4.1.4).
    private const ulong FirstNonCanonical = 0x0100_0000_0000_0000;
    private const ulong LastNonCanonical = 0xFEFF_FFFF_FFFF_FFFF;
    private const ulong LastPhysical = 0x000F_FFFF_FFFF_FFFF;

    // CR0 and CR4 have no bits above 31 and CR3 events come without the no-flush bit, because the kernel checks first (kvmi-rfc-v5.md 4.5).
    private const ulong Above31 = 0xFFFF_FFFF_0000_0000;
    private const ulong NoFlush = 1UL << 63;

    /// <summary>The reason, to follow "No event can match:"; null when there is none.</summary>
    public static string? Find(EventKind kind, EventFilter filter) =>
        OfNumbers(filter) ?? OfPrivilege(kind, filter) ?? OfAddresses(kind, filter) ?? OfBits(filter) ?? OfRegister(filter);

    private static string? OfNumbers(EventFilter filter) =>
        AllAbove(filter.Vcpus, LastVcpu) ? "vCPUs have the numbers 0 to 65535"
        : AllAbove(filter.Vectors, LastVector) ? "exceptions have the vectors 0 to 31"
        : AllAbove(filter.Functions, uint.MaxValue) ? "a CPUID leaf is a number of 32 bits"
        : AllAbove(filter.Indexes, uint.MaxValue) ? "a CPUID sub-leaf is a number of 32 bits"
        : null;

    // A general-protection fault for want of privilege comes before the VM exit (Intel SDM volume 3, 25.1.1), so KVM never sees the attempt.
    private static string? OfPrivilege(EventKind kind, EventFilter filter) => filter.Cpl is null or 0 ? null : kind switch
    {
        EventKind.Cr => "control registers can only be written with CPL 0, and other attempts fault without an event",
        EventKind.Msr => "MSRs can only be written with CPL 0, and other attempts fault without an event",
        EventKind.Descriptor when filter.DescriptorWrite == true => "descriptor-table registers can only be loaded with CPL 0, and other attempts fault without an event",
        _ => null,
    };

    private static string? OfAddresses(EventKind kind, EventFilter filter) =>
        AllWithin(filter.Rip, FirstNonCanonical, LastNonCanonical) ? "none of the values of rip is a canonical address"
        : AllWithin(filter.Gva, FirstNonCanonical, LastNonCanonical) ? "none of the values of gva is a canonical address"
        : kind == EventKind.PageFault && AllAbove(filter.Gpa, LastPhysical) ? "guest-physical addresses have 52 bits at most"
        : IsKnown(filter.Cr3) && !ValueSets.HasBits(filter.Cr3, ~RootPlaces, 0) ? "cr3 is compared without PCID and flags, so with multiples of 0x1000 below 2^52 only"
        : null;

    private static string? OfBits(EventFilter filter)
    {
        var set = filter.SetBits ?? 0;
        var cleared = filter.ClearedBits ?? 0;
        if (set != 0 && set == cleared && BitOperations.IsPow2(set))
        {
            return "one bit cannot be set and cleared by the same write";
        }

        return AllLack(filter.NewValues, set, inverted: false) ? "none of the new values has one of the bits that are to be set"
            : AllLack(filter.OldValues, set, inverted: true) ? "every old value has the bits already that are to be set"
            : AllLack(filter.OldValues, cleared, inverted: false) ? "none of the old values has one of the bits that are to be cleared"
            : AllLack(filter.NewValues, cleared, inverted: true) ? "every new value keeps the bits that are to be cleared"
            : null;
    }

    private static string? OfRegister(EventFilter filter)
    {
        if (!IsKnown(filter.OldValues) || !IsKnown(filter.NewValues))
        {
            return null;
        }

        if (RegisterWrites.Exists(0, filter) == false)
        {
            return filter.SetBits is null && filter.ClearedBits is null && filter.ChangedBits is null
                ? "the kernel reports no write of the value that is there already"
                : "no old and new value of those in the filter differ in these bits as it asks";
        }

        var absent = filter.Cr switch { 0 or 4 => Above31, 3 => NoFlush, _ => 0UL };
        return absent == 0 || RegisterWrites.Exists(absent, filter) != false ? null
            : filter.Cr == 3 ? "the no-flush bit 63 of CR3 is in no event: the kernel removes it"
            : $"CR{filter.Cr} has no bits above 31";
    }

    // Ranges of more than one value are the matter of RegisterWrites, which knows no better reason than that there is none.
    private static bool AllLack(IReadOnlyList<ValueRange> values, ulong bits, bool inverted) =>
        bits != 0
        && values.Count > 0
        && IsKnown(values)
        && values.All(range => range.First == range.Last && ((inverted ? ~range.First : range.First) & bits) == 0);

    private static bool AllAbove(IReadOnlyList<ValueRange> values, ulong last) => values.Count > 0 && IsKnown(values) && values.All(range => range.First > last);

    private static bool AllWithin(IReadOnlyList<ValueRange> values, ulong first, ulong last) =>
        values.Count > 0 && values.All(range => range.First >= first && range.Last <= last);

    /// <summary>False for a parameter whose value the site will give: nothing can be said before.</summary>
    public static bool IsKnown(IReadOnlyList<ValueRange> values) => !values.Contains(ValueSetReader.Nothing);
}
