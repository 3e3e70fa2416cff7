namespace Kvmi.Protocol.Commands;

/// <summary>CONTROL_CR: intercept writes to a control register of one vCPU.</summary>
/// <param name="Vcpu">vCPU index.</param>
/// <param name="Cr">0, 3 or 4.</param>
/// <param name="Enable">Non-zero is on; dialects later than v7 take 0 and 1 only.</param>
public readonly record struct ControlCr(ushort Vcpu, uint Cr, byte Enable);
