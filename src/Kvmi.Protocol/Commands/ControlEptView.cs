namespace Kvmi.Protocol.Commands;

/// <summary>CONTROL_EPT_VIEW: may the guest switch to a view with VMFUNC? (v7)</summary>
/// <param name="Vcpu">vCPU index.</param>
/// <param name="View">EPT view.</param>
/// <param name="Visible">Non-zero lets the guest switch to it.</param>
public readonly record struct ControlEptView(ushort Vcpu, ushort View, byte Visible);
