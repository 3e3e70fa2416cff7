namespace Kvmi.Protocol.Dialects.Capabilities;

/// <summary>
/// What a dialect has, has not, and how large its messages are: a table made from the codec and the message layouts themselves,
/// for people, documentation and tools. Immutable; may be shared between threads. What one peer allows is a different question,
/// which GET_VERSION, CHECK_COMMAND and CHECK_EVENT answer.
/// </summary>
public sealed record DialectCapabilities
{
    /// <summary>The dialect.</summary>
    public required KvmiDialect Dialect { get; init; }

    /// <summary>Its name on the command line.</summary>
    public required string Name { get; init; }

    /// <summary>Largest payload in bytes that a peer may send.</summary>
    public required int MaxPayload { get; init; }

    /// <summary>Largest number of entries in one SET_PAGE_ACCESS.</summary>
    public required int MaxPageAccessEntries { get; init; }

    /// <summary>True when the commands that switch events replace the whole set; see <see cref="Dialects.Dialect.EventsAreMasks"/>.</summary>
    public required bool EventsAreMasks { get; init; }

    /// <summary>True when an event reply names its vCPU; see <see cref="Dialects.Dialect.RepliesNameVcpu"/>.</summary>
    public required bool RepliesNameVcpu { get; init; }

    /// <summary>Message id of an event reply, tool to kernel.</summary>
    public required ushort EventReplyId { get; init; }

    /// <summary>The commands in the order of their ids.</summary>
    public required IReadOnlyList<CommandCapability> Commands { get; init; }

    /// <summary>The events in the order of their ids.</summary>
    public required IReadOnlyList<EventCapability> Events { get; init; }

    /// <summary>The error codes of command replies.</summary>
    public required IReadOnlyList<ErrorCapability> Errors { get; init; }

    /// <summary>Commands that other dialects have and this one lacks.</summary>
    public required IReadOnlyList<CommandKind> MissingCommands { get; init; }

    /// <summary>Events that other dialects have and this one lacks.</summary>
    public required IReadOnlyList<EventKind> MissingEvents { get; init; }

    /// <summary>Makes the table of a dialect.</summary>
    /// <exception cref="InvalidOperationException">The codec knows a message that has no layout: a defect of this library.</exception>
    public static DialectCapabilities Of(Dialect dialect)
    {
        ArgumentNullException.ThrowIfNull(dialect);
        return CapabilityTable.Make(dialect);
    }
}
