using Kvmi.Protocol;

namespace Kvmi.Policy.Engine.Model;

/// <summary>
/// The data part of a subscription: what an event must be for the handler to run. Null (or empty) means "any". Every given
/// part must match. References to parameters are resolved already.
/// </summary>
public sealed record EventFilter
{
    /// <summary>No restriction.</summary>
    public static EventFilter Any { get; } = new();

    /// <summary>cr: number of the control register: 0, 3 or 4.</summary>
    public int? Cr { get; init; }

    /// <summary>msr: numbers of the MSRs, as ranges. A msr subscription names at least one.</summary>
    public IReadOnlyList<ValueRange> Msrs { get; init; } = [];

    /// <summary>xsetbv: number of the extended control register.</summary>
    public int? Xcr { get; init; }

    /// <summary>cr, msr, xsetbv: at least one of these bits changes.</summary>
    public ulong? ChangedBits { get; init; }

    /// <summary>cr, msr, xsetbv: at least one of these bits goes from 1 to 0.</summary>
    public ulong? ClearedBits { get; init; }

    /// <summary>cr, msr, xsetbv: at least one of these bits goes from 0 to 1.</summary>
    public ulong? SetBits { get; init; }

    /// <summary>cr, msr, xsetbv: ranges of the new value.</summary>
    public IReadOnlyList<ValueRange> NewValues { get; init; } = [];

    /// <summary>cr, msr, xsetbv: ranges of the old value.</summary>
    public IReadOnlyList<ValueRange> OldValues { get; init; } = [];

    /// <summary>pf: at least one of these accesses was tried.</summary>
    public PageAccess? Access { get; init; }

    /// <summary>pf, breakpoint: ranges of the guest-physical address.</summary>
    public IReadOnlyList<ValueRange> Gpa { get; init; } = [];

    /// <summary>pf: ranges of the guest-virtual address.</summary>
    public IReadOnlyList<ValueRange> Gva { get; init; } = [];

    /// <summary>Any event: ranges of RIP.</summary>
    public IReadOnlyList<ValueRange> Rip { get; init; } = [];

    /// <summary>Any event: current privilege level, 0 to 3.</summary>
    public int? Cpl { get; init; }

    /// <summary>Any event: roots (CR3 without PCID and flags).</summary>
    public IReadOnlyList<ValueRange> Cr3 { get; init; } = [];

    /// <summary>Any event: vCPU numbers.</summary>
    public IReadOnlyList<ValueRange> Vcpus { get; init; } = [];

    /// <summary>descriptor: the register.</summary>
    public DescriptorTable? Descriptor { get; init; }

    /// <summary>descriptor: a load (true) or a store (false).</summary>
    public bool? DescriptorWrite { get; init; }

    /// <summary>trap: ranges of the vector that is delivered.</summary>
    public IReadOnlyList<ValueRange> Vectors { get; init; } = [];

    /// <summary>cpuid: ranges of the leaf.</summary>
    public IReadOnlyList<ValueRange> Functions { get; init; } = [];

    /// <summary>cpuid: ranges of the sub-leaf.</summary>
    public IReadOnlyList<ValueRange> Indexes { get; init; } = [];

    /// <summary>singlestep: the kernel could not step (true), or did (false).</summary>
    public bool? Failed { get; init; }

    /// <summary>True when the filter looks at values that an xsetbv event has in some dialects only.</summary>
    public bool LooksAtValues =>
        Xcr is not null || ChangedBits is not null || ClearedBits is not null || SetBits is not null || NewValues.Count + OldValues.Count > 0;
}
