namespace Kvmi.Simulator;

/// <summary>One fact about the guest at the end of a scenario, read from the guest itself.</summary>
/// <param name="Name">Short name, for example <c>lstar</c>.</param>
/// <param name="Value">Short value, for example <c>kept</c> or <c>hijacked</c>.</param>
/// <param name="Vcpu">vCPU that it is about; null when it is about the VM.</param>
public sealed record Consequence(string Name, string Value, int? Vcpu = null);
