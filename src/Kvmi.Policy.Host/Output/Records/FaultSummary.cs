using Kvmi.Session.Faults;

namespace Kvmi.Policy.Host.Output.Records;

/// <summary>The faults that a run has injected.</summary>
/// <param name="Seed">Repeats them.</param>
/// <param name="Faults">The kinds, with their counts.</param>
internal sealed record FaultSummary(ulong Seed, IReadOnlyList<FaultInjection> Faults);
