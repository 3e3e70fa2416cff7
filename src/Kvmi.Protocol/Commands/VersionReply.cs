namespace Kvmi.Protocol.Commands;

/// <summary>What GET_VERSION answers.</summary>
/// <param name="Version">1 in every dialect.</param>
/// <param name="MaxMessageSize">Largest payload in bytes, or 0 where the dialect does not tell it (v7).</param>
/// <param name="Features">The eight feature bytes as one little-endian number; byte 4 is single-step in v7, byte 0 in v11 and v12.</param>
public readonly record struct VersionReply(uint Version, uint MaxMessageSize, ulong Features);
