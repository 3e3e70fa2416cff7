namespace Kvmi.Guest.Paging;

/// <summary>A run of guest-virtual memory.</summary>
/// <param name="Gva">Where it begins: a linear address.</param>
/// <param name="Length">Bytes; 0 is allowed.</param>
public readonly record struct VirtualRange(ulong Gva, int Length);
