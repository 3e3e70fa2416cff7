namespace Kvmi.Protocol.Commands;

/// <summary>CONTROL_VM_EVENTS: switch a VM event on or off.</summary>
/// <param name="EventId">Wire id of the event.</param>
/// <param name="Enable">Non-zero is on; dialects later than v7 take 0 and 1 only.</param>
public readonly record struct ControlVmEvents(ushort EventId, byte Enable);
