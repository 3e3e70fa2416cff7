namespace Kvmi.Simulator.Transport.Faults;

/// <summary>One fault that happens to one message.</summary>
/// <param name="Rule">The scenario's fault.</param>
/// <param name="Name">Its name.</param>
/// <param name="Seed">Of what is random about it.</param>
internal readonly record struct FaultHit(FaultRule Rule, string Name, ulong Seed);
