namespace Kvmi.Protocol.Commands;

/// <summary>CONTROL_EVENTS: switch a vCPU event on or off.</summary>
/// <param name="Vcpu">vCPU index.</param>
/// <param name="EventId">Wire id of the event.</param>
/// <param name="Enable">Non-zero is on; dialects later than v7 take 0 and 1 only.</param>
public readonly record struct ControlEvents(ushort Vcpu, ushort EventId, byte Enable);
