namespace Kvmi.Protocol.Commands;

/// <summary>SWITCH_EPT_VIEW: the view that a vCPU runs in (v7).</summary>
/// <param name="Vcpu">vCPU index.</param>
/// <param name="View">EPT view; 0 is the default one.</param>
public readonly record struct SwitchEptView(ushort Vcpu, ushort View);
