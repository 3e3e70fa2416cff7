namespace Kvmi.Session.Vm;

/// <summary>What is known of a VM before it is attached.</summary>
/// <param name="Identity">Who it is.</param>
/// <param name="Capabilities">What it offers.</param>
/// <param name="VcpuCount">Number of vCPUs.</param>
internal sealed record VmDescription(VmIdentity Identity, VmCapabilities Capabilities, int VcpuCount);
