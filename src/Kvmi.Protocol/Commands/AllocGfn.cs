namespace Kvmi.Protocol.Commands;

/// <summary>ALLOC_GFN: back a guest frame with memory (v7, builds from August 2023).</summary>
/// <param name="Vcpu">vCPU index; libkvmi always uses 0.</param>
/// <param name="Gfn">Guest frame number.</param>
public readonly record struct AllocGfn(ushort Vcpu, ulong Gfn);
