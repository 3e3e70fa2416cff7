namespace Kvmi.Protocol.Commands;

/// <summary>GET_CPUID: one CPUID leaf as the guest sees it.</summary>
/// <param name="Vcpu">vCPU index.</param>
/// <param name="Function">Leaf.</param>
/// <param name="Index">Sub-leaf.</param>
public readonly record struct GetCpuid(ushort Vcpu, uint Function, uint Index);
