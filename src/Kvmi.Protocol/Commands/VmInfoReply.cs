namespace Kvmi.Protocol.Commands;

/// <summary>What GET_VM_INFO answers.</summary>
/// <param name="VcpuCount">Number of online vCPUs.</param>
/// <param name="TscSpeed">Frequency of the time-stamp counter in Hz where this reply tells it (rfc-v5 3.2); 0 elsewhere, and on hosts without TSC scaling.</param>
public readonly record struct VmInfoReply(uint VcpuCount, ulong TscSpeed);
