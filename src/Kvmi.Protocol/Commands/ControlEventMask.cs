namespace Kvmi.Protocol.Commands;

/// <summary>CONTROL_EVENTS where it replaces the whole set of a vCPU (rfc-v5 3.11).</summary>
/// <param name="Vcpu">vCPU index.</param>
/// <param name="Events">Bit n switches the event with wire id n on; clear bits switch off.</param>
public readonly record struct ControlEventMask(ushort Vcpu, uint Events);
