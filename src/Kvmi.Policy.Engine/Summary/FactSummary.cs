namespace Kvmi.Policy.Engine.Summary;

/// <summary>One number that a policy published.</summary>
/// <param name="Vm">Name of the VM.</param>
/// <param name="Name">Name of the number.</param>
/// <param name="Value">Its value.</param>
public sealed record FactSummary(string Vm, string Name, long Value);
