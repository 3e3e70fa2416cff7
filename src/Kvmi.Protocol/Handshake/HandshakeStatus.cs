namespace Kvmi.Protocol.Handshake;

/// <summary>Result of reading a handshake record.</summary>
public enum HandshakeStatus
{
    /// <summary>Read.</summary>
    Ok = 0,

    /// <summary>More bytes are needed: four for the size, the announced size for the record.</summary>
    Incomplete = 1,

    /// <summary>The size field lies outside the limits; the peer does not speak this handshake. Close the connection.</summary>
    BadSize = 2,
}
