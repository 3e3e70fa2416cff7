namespace Kvmi.Policy.Host.Control.Contract;

/// <summary>Leases that are held, by kind.</summary>
internal sealed record LeasesReply(int Traps, int Pages, int Patches, int Breakpoints);
