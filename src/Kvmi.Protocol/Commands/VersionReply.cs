namespace Kvmi.Protocol.Commands;

/// <summary>What GET_VERSION answers.</summary>
/// <param name="Version">1 in every dialect.</param>
/// <param name="MaxMessageSize">Largest payload in bytes, or 0 where the dialect does not tell it (v7, rfc-v5).</param>
/// <param name="Features">The eight feature bytes as one little-endian number; byte 4 is single-step in v7, byte 0 in v11 and v12; 0 in rfc-v5.</param>
public readonly record struct VersionReply(uint Version, uint MaxMessageSize, ulong Features)
{
    /// <summary>rfc-v5 only: bit n is set when the command with wire id n is allowed (rfc-v5 3.1); 0 elsewhere.</summary>
    public uint CommandMask { get; init; }

    /// <summary>rfc-v5 only: bit n is set when the event with wire id n is allowed (rfc-v5 3.1); 0 elsewhere.</summary>
    public uint EventMask { get; init; }
}
