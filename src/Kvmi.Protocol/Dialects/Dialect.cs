using Kvmi.Protocol.Dialects.RfcV5;
using Kvmi.Protocol.Dialects.V12;
using Kvmi.Protocol.Dialects.V7;

namespace Kvmi.Protocol.Dialects;

/// <summary>
/// One wire dialect, both ends: ids, layouts and limits. Pure functions over spans: no I/O, no clock, no allocation in
/// any Write or Read method; instances are immutable and shared by all threads. Every Write method returns the bytes
/// written and throws <see cref="ArgumentException"/> when the destination is too small; every Read method takes bytes
/// from an untrusted peer and never throws.
/// </summary>
public abstract partial class Dialect
{
    private protected Dialect()
    {
    }

    /// <summary>The dialects that this build speaks.</summary>
    public static IReadOnlyList<Dialect> All { get; } = [V7Dialect.Instance, V12Dialect.Instance, V12Dialect.V11, RfcV5Dialect.Instance];

    /// <summary>Which dialect this is.</summary>
    public abstract KvmiDialect Id { get; }

    /// <summary>Name on the command line: v7, rfc-v5, v11, v12.</summary>
    public abstract string Name { get; }

    /// <summary>Largest payload in bytes that a peer may send.</summary>
    public abstract int MaxPayload { get; }

    /// <summary>Largest number of entries in one SET_PAGE_ACCESS.</summary>
    public abstract int MaxPageAccessEntries { get; }

    /// <summary>Finds a dialect that this build speaks.</summary>
    /// <returns>Null when the dialect is known by name but not built.</returns>
    public static Dialect? Find(KvmiDialect id) => All.FirstOrDefault(dialect => dialect.Id == id);

    /// <summary>Name of a dialect on the command line, in policy files and in messages.</summary>
    public static string NameOf(KvmiDialect id) => Find(id)?.Name ?? id.ToString();

    /// <summary>Wire id of a command, if the dialect has it.</summary>
    public abstract bool TryGetCommandId(CommandKind kind, out ushort id);

    /// <summary>Command behind a wire id, if the dialect has it.</summary>
    public abstract bool TryGetCommand(ushort id, out CommandKind kind);

    /// <summary>Wire id of an event, if the dialect has it.</summary>
    public abstract bool TryGetEventId(EventKind kind, out ushort id);

    /// <summary>Event behind a wire id, if the dialect has it.</summary>
    public abstract bool TryGetEvent(ushort id, out EventKind kind);

    /// <summary>True for events that are switched on with CONTROL_VM_EVENTS, false for those of a vCPU.</summary>
    public abstract bool IsVmEvent(EventKind kind);

    /// <summary>True when the kernel waits for a reply to this event.</summary>
    public abstract bool ExpectsReply(EventKind kind);

    /// <summary>
    /// The command that has to switch this event on before it comes; null for events that come without, because they answer a command
    /// (kvmi-later-dialects.md 3.5). CR, MSR and page-fault events need their register or page named as well.
    /// </summary>
    public virtual CommandKind? SwitchedOnBy(EventKind kind) => IsVmEvent(kind) ? CommandKind.ControlVmEvents
        : kind is EventKind.PauseVcpu or EventKind.Trap ? null
        : CommandKind.ControlEvents;

    /// <summary>True when <paramref name="action"/> is a legal answer to this event.</summary>
    public abstract bool IsLegalAction(EventKind kind, EventAction action);

    /// <summary>
    /// True when CONTROL_EVENTS and CONTROL_VM_EVENTS replace the whole set (<see cref="Commands.ControlEventMask"/>,
    /// <see cref="Commands.ControlVmEventMask"/>; rfc-v5), false when they switch one event.
    /// </summary>
    public virtual bool EventsAreMasks => false;

    /// <summary>True when an event reply names its vCPU; false when the sequence number alone finds the vCPU that waits (rfc-v5 4.9).</summary>
    public virtual bool RepliesNameVcpu => true;

    /// <summary>True when the command is carried out on the thread of a vCPU, and so waits for that vCPU, false for those of the VM.</summary>
    public abstract bool IsVcpuCommand(CommandKind kind);

    /// <summary>True when a successful reply carries data behind the error code.</summary>
    public abstract bool ReturnsData(CommandKind kind);

    /// <summary>Tells commands from event replies, and events from command replies.</summary>
    public abstract MessageRole Classify(MessageDirection direction, ushort id);

    /// <summary>Bytes of the error code in front of a reply's data.</summary>
    private protected const int ErrorLength = 8;

    /// <summary>Writes the header of a command and gives its zeroed payload.</summary>
    private protected Span<byte> Begin(Span<byte> destination, CommandKind kind, uint sequence, int payload) =>
        TryGetCommandId(kind, out var id) ? Begin(destination, id, sequence, payload) : throw Lacks(kind);

    /// <summary>Writes the header of a message and gives its zeroed payload.</summary>
    private protected Span<byte> Begin(Span<byte> destination, ushort id, uint sequence, int payload)
    {
        if (payload > MaxPayload)
        {
            throw new ArgumentException($"A payload of the {Name} dialect is at most {MaxPayload} bytes, this one would be {payload}.", nameof(payload));
        }

        if (destination.Length < MessageHeader.Length + payload)
        {
            throw new ArgumentException(
                $"The message needs {MessageHeader.Length + payload} bytes, the destination has {destination.Length}.", nameof(destination));
        }

        new MessageHeader(id, (ushort)payload, sequence).Write(destination);
        var body = destination.Slice(MessageHeader.Length, payload);
        body.Clear();
        return body;
    }

    /// <summary>What is thrown for a command that this dialect does not have.</summary>
    private protected CommandNotInDialectException Lacks(CommandKind kind) => new(Id, Name, kind);
}
