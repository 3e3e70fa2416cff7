namespace Kvmi.Kvm.Running;

/// <summary>A port that the guest read or wrote.</summary>
/// <param name="IsWrite">True for OUT, false for IN.</param>
/// <param name="Port">Number of the port.</param>
/// <param name="Size">Bytes of one access: 1, 2 or 4.</param>
/// <param name="Count">How many accesses, more than 1 for a string instruction.</param>
/// <param name="Data">What was written, <paramref name="Size"/> times <paramref name="Count"/> bytes; empty for a read.</param>
public sealed record KvmPortAccess(bool IsWrite, ushort Port, int Size, int Count, ReadOnlyMemory<byte> Data);
