namespace Kvmi.Protocol.Dialects;

/// <summary>What a message is, seen from its direction and id alone.</summary>
public enum MessageRole
{
    /// <summary>Tool to kernel: a command, known or not.</summary>
    Command,

    /// <summary>Tool to kernel: the answer to an event.</summary>
    EventReply,

    /// <summary>Kernel to tool: an event.</summary>
    Event,

    /// <summary>Kernel to tool: the answer to a command.</summary>
    CommandReply,

    /// <summary>A record of the handshake, before the first message. Only decoders of whole conversations use it.</summary>
    Handshake,
}
