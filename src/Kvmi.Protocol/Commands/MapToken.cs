namespace Kvmi.Protocol.Commands;

/// <summary>What GET_MAP_TOKEN answers: 32 random bytes that name this VM once (rfc-v5 3.16 and 6.2).</summary>
/// <param name="Word0">Bytes 0 to 7.</param>
/// <param name="Word1">Bytes 8 to 15.</param>
/// <param name="Word2">Bytes 16 to 23.</param>
/// <param name="Word3">Bytes 24 to 31.</param>
public readonly record struct MapToken(ulong Word0, ulong Word1, ulong Word2, ulong Word3);
