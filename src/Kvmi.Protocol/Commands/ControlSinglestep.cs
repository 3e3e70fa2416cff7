namespace Kvmi.Protocol.Commands;

/// <summary>CONTROL_SINGLESTEP: single-step a vCPU.</summary>
/// <param name="Vcpu">vCPU index.</param>
/// <param name="Enable">Non-zero is on; dialects later than v7 take 0 and 1 only.</param>
public readonly record struct ControlSinglestep(ushort Vcpu, byte Enable);
