namespace Kvmi.Policy.Host.Control.Contract;

/// <summary>A number that a policy publishes, in GET /v1/policies.</summary>
/// <param name="Vm">Name of the VM.</param>
/// <param name="Name">Name of the number.</param>
/// <param name="Value">Its value.</param>
internal sealed record FactReply(string Vm, string Name, long Value);
