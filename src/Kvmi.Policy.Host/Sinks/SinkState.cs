namespace Kvmi.Policy.Host.Sinks;

/// <summary>What a sink has done so far.</summary>
/// <param name="Name">The sink as the command line names it, without its options.</param>
/// <param name="Delivered">Lines that it took.</param>
/// <param name="Lost">Lines that it did not get: no room while they waited, refused, or left over at the end.</param>
/// <param name="Waiting">Lines that wait now.</param>
/// <param name="Failures">Tries that failed.</param>
/// <param name="IsFailing">True while the last try has failed.</param>
internal readonly record struct SinkState(string Name, long Delivered, long Lost, long Waiting, long Failures, bool IsFailing);
