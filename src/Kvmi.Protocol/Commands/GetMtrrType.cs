namespace Kvmi.Protocol.Commands;

/// <summary>GET_MTRR_TYPE: the memory type of a page by the MTRRs.</summary>
/// <param name="Vcpu">vCPU index.</param>
/// <param name="Gpa">Guest-physical address.</param>
public readonly record struct GetMtrrType(ushort Vcpu, ulong Gpa);
