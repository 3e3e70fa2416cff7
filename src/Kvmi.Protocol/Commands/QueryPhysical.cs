namespace Kvmi.Protocol.Commands;

/// <summary>QUERY_PHYSICAL: where a frame lies in the host file of guest memory (v7, builds from 2023).</summary>
/// <param name="Gfn">Guest frame number.</param>
public readonly record struct QueryPhysical(ulong Gfn);
