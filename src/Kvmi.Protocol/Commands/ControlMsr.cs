namespace Kvmi.Protocol.Commands;

/// <summary>CONTROL_MSR: intercept writes to one MSR of one vCPU.</summary>
/// <param name="Vcpu">vCPU index.</param>
/// <param name="Msr">MSR number; the kernel takes 0 to 0x1fff and 0xc0000000 to 0xc0001fff, v7 without 0x1fff, 0xc0000000 and 0xc0001fff.</param>
/// <param name="Enable">Non-zero is on; dialects later than v7 take 0 and 1 only.</param>
public readonly record struct ControlMsr(ushort Vcpu, uint Msr, byte Enable);
