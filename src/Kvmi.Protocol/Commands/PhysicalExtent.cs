namespace Kvmi.Protocol.Commands;

/// <summary>What QUERY_PHYSICAL answers: a run of frames in the host file of guest memory (v7).</summary>
/// <param name="Gfn">First frame of the run.</param>
/// <param name="Pages">Length of the run in pages of 4096 bytes.</param>
public readonly record struct PhysicalExtent(ulong Gfn, ulong Pages);
