namespace Kvmi.Protocol.Commands;

/// <summary>PAUSE_VCPU: stop a vCPU; exactly one PAUSE event follows.</summary>
/// <param name="Vcpu">vCPU index.</param>
/// <param name="Wait">Answer only after the vCPU has left guest mode.</param>
public readonly record struct PauseVcpu(ushort Vcpu, bool Wait);
