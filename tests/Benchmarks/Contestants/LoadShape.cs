namespace Kvmi.Benchmarks.Contestants;

/// <summary>What the load looks like.</summary>
/// <param name="Vms">Connections.</param>
/// <param name="Vcpus">vCPUs of each, every one with one event under way.</param>
/// <param name="Kind">cr, msr, pf or mix.</param>
internal readonly record struct LoadShape(int Vms, int Vcpus, string Kind);
