namespace Kvmi.Session.Vm;

/// <summary>What has gone over the connection of one VM so far: a snapshot.</summary>
/// <param name="Events">Events received that expect a reply, of known and unknown kind.</param>
/// <param name="Replies">Replies to events.</param>
/// <param name="Notifications">Events received that expect no reply: UNHOOK, CMD_ERROR.</param>
/// <param name="Commands">Commands sent since the VM was attached.</param>
/// <param name="CommandErrors">Commands that the peer answered with an error code.</param>
/// <param name="HandlerErrors">Exceptions and illegal answers of the handler.</param>
/// <param name="ProtocolErrors">Messages that broke the protocol; the first one ends the connection.</param>
/// <param name="BytesReceived">Bytes received, handshake included.</param>
/// <param name="BytesSent">Bytes sent, handshake included.</param>
public readonly record struct VmCounters(
    long Events,
    long Replies,
    long Notifications,
    long Commands,
    long CommandErrors,
    long HandlerErrors,
    long ProtocolErrors,
    long BytesReceived,
    long BytesSent)
{
    /// <summary>Events that were answered at their deadline, in place of the handler.</summary>
    public long Timeouts { get; init; }

    /// <summary>Calls of the handler that came back after their event had been answered; what they said was dropped.</summary>
    public long LateResults { get; init; }

    /// <summary>
    /// Managed memory in bytes that the VM's owner thread has allocated since the handler was attached, by its own account; taken at every
    /// idle tick and at the end. Events need none, so it stands still while nothing but events comes.
    /// </summary>
    public long AllocatedBytes { get; init; }
}
