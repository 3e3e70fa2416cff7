namespace Kvmi.Protocol.Commands;

/// <summary>SET_VE_INFO_PAGE: where the CPU reports virtualization exceptions (v7).</summary>
/// <param name="Vcpu">vCPU index.</param>
/// <param name="Gpa">Guest-physical address of the page.</param>
/// <param name="TriggerVmExit">Non-zero: violations that could be #VE exit to the hypervisor all the same.</param>
public readonly record struct SetVeInfoPage(ushort Vcpu, ulong Gpa, byte TriggerVmExit);
