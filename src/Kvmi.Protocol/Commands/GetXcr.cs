namespace Kvmi.Protocol.Commands;

/// <summary>GET_XCR: an extended control register.</summary>
/// <param name="Vcpu">vCPU index.</param>
/// <param name="Xcr">Register number; kernels know 0.</param>
public readonly record struct GetXcr(ushort Vcpu, byte Xcr);
