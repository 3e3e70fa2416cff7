namespace Kvmi.Protocol.Commands;

/// <summary>CONTROL_VM_EVENTS where it replaces the whole set of the VM (rfc-v5 3.14).</summary>
/// <param name="Events">Bit n switches the event with wire id n on; clear bits switch off.</param>
public readonly record struct ControlVmEventMask(uint Events);
