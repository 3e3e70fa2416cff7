namespace Kvmi.Kvm.Running;

/// <summary>An access to guest physical memory that is not there.</summary>
/// <param name="IsWrite">True for a write.</param>
/// <param name="Address">Guest physical address.</param>
/// <param name="Size">Bytes: 1 to 8.</param>
/// <param name="Data">What was written; empty for a read.</param>
public sealed record KvmMemoryAccess(bool IsWrite, ulong Address, int Size, ReadOnlyMemory<byte> Data);
