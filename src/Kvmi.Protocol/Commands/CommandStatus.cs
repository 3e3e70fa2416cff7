namespace Kvmi.Protocol.Commands;

/// <summary>What the hypervisor's end has to do with a command it has just read (kvmi-later-dialects.md 3.4, 4.1).</summary>
public enum CommandStatus
{
    /// <summary>Well-formed: carry it out.</summary>
    Ok = 0,

    /// <summary>Answer with <see cref="KvmiError.InvalidArgument"/>.</summary>
    Invalid = 1,

    /// <summary>The dialect's kernel ends the connection.</summary>
    Close = 2,

    /// <summary>
    /// An event reply of the wrong size: the event counts as unanswered, the connection stays (rfc-v5 4.9). Only from
    /// <see cref="Dialects.Dialect.ReadEventReply"/>.
    /// </summary>
    EventFails = 3,
}
