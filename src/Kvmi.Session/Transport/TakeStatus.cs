namespace Kvmi.Session.Transport;

/// <summary>Result of looking for a whole message in the receive buffer.</summary>
internal enum TakeStatus
{
    /// <summary>A message was taken.</summary>
    Message,

    /// <summary>More bytes are needed.</summary>
    Incomplete,

    /// <summary>The header announces more payload than allowed; nothing was taken.</summary>
    Oversized,
}
