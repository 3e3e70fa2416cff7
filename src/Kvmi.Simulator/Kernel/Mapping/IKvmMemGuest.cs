namespace Kvmi.Simulator.Kernel.Mapping;

/// <summary>What the driver of <c>/dev/kvmmem</c> needs of the guest that it runs in.</summary>
internal interface IKvmMemGuest
{
    /// <summary>Makes a hypercall from kernel mode.</summary>
    /// <returns>What comes back in RAX.</returns>
    long Hypercall(ulong number, ulong first, ulong second, ulong third);

    /// <summary>Reads memory of the calling process.</summary>
    /// <returns>False when the pointer is bad.</returns>
    bool TryReadVirtual(ulong gva, Span<byte> destination);

    /// <summary>Finds the physical page behind an address of the calling process.</summary>
    /// <returns>False when nothing is there.</returns>
    bool TryTranslate(ulong gva, out ulong gpa);
}
