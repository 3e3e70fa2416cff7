namespace Kvmi.Protocol.Commands;

/// <summary>FREE_GFN: take the memory of a guest frame away (v7, builds from August 2023).</summary>
/// <param name="Vcpu">vCPU index; libkvmi always uses 0.</param>
/// <param name="Gfn">Guest frame number.</param>
public readonly record struct FreeGfn(ushort Vcpu, ulong Gfn);
