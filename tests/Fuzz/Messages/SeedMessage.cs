using Kvmi.Protocol;
using Kvmi.Protocol.Dialects;

namespace Kvmi.Fuzz.Messages;

/// <summary>A well-formed message: what mutation begins with.</summary>
/// <param name="Dialect">Its dialect.</param>
/// <param name="Direction">Who sends it.</param>
/// <param name="Role">What it is.</param>
/// <param name="Name">Where it comes from: a capture and its line, or the kind of command or event.</param>
/// <param name="Bytes">The whole message, header included.</param>
internal sealed record SeedMessage(KvmiDialect Dialect, MessageDirection Direction, MessageRole Role, string Name, byte[] Bytes)
{
    /// <summary>The command that was written, or whose reply it is; null in events, their replies and captures.</summary>
    public CommandKind? Command { get; init; }

    /// <summary>The event that was written, or whose reply it is; null in commands, their replies and captures.</summary>
    public EventKind? Event { get; init; }
}
