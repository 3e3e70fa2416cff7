namespace Kvmi.Policy.Host.Doctor.Facts;

/// <summary>The .NET runtime.</summary>
/// <param name="Version">Its version.</param>
/// <param name="IsServerGc">True for the server garbage collector.</param>
/// <param name="IsConcurrentGc">True when collections run beside the program.</param>
/// <param name="Processors">Processors that the process may use.</param>
internal sealed record RuntimeFacts(Version Version, bool IsServerGc, bool IsConcurrentGc, int Processors);
