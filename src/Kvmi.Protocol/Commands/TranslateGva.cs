namespace Kvmi.Protocol.Commands;

/// <summary>TRANSLATE_GVA: guest-virtual to guest-physical with the vCPU's page tables.</summary>
/// <param name="Vcpu">vCPU index.</param>
/// <param name="Gva">Guest-virtual address.</param>
public readonly record struct TranslateGva(ushort Vcpu, ulong Gva);
