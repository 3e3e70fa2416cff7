namespace Kvmi.Policy.Host.Control.Contract;

/// <summary>One policy on one VM.</summary>
internal sealed record PolicyVmReply(string Vm, Guid Uuid, string State, string? Reason);
