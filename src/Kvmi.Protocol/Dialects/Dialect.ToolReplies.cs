using Kvmi.Protocol.Commands;
using Kvmi.Protocol.Events;

namespace Kvmi.Protocol.Dialects;

/// <content>The tool's end: replies and events in, event replies out.</content>
public abstract partial class Dialect
{
    /// <summary>Reads the error code of a command reply and gives the data behind it.</summary>
    /// <param name="payload">Payload of the reply, without the message header.</param>
    /// <param name="error">The error code.</param>
    /// <param name="data">What follows the eight bytes of the error; empty when there was an error.</param>
    public abstract DecodeStatus ReadReply(ReadOnlySpan<byte> payload, out KvmiError error, out ReadOnlySpan<byte> data);

    /// <summary>Reads the data of a GET_VERSION reply.</summary>
    public abstract DecodeStatus ReadReply(ReadOnlySpan<byte> data, out VersionReply reply);

    /// <summary>Reads the data of a GET_VM_INFO reply.</summary>
    public abstract DecodeStatus ReadReply(ReadOnlySpan<byte> data, out VmInfoReply reply);

    /// <summary>Reads the data of a PAUSE_ALL_VCPUS reply.</summary>
    /// <param name="data">Data of the reply.</param>
    /// <param name="vcpuCount">Number of vCPUs that got a pause request; uninitialised ones are counted (rfc-v5 3.15).</param>
    /// <exception cref="CommandNotInDialectException">The dialect does not have it.</exception>
    public virtual DecodeStatus ReadPauseAllReply(ReadOnlySpan<byte> data, out uint vcpuCount) => throw Lacks(CommandKind.PauseAllVcpus);

    /// <summary>Reads the data of a GET_MAP_TOKEN reply.</summary>
    /// <exception cref="CommandNotInDialectException">The dialect does not have it.</exception>
    public virtual DecodeStatus ReadReply(ReadOnlySpan<byte> data, out MapToken reply) => throw Lacks(CommandKind.GetMapToken);

    /// <summary>Reads the data of a QUERY_PHYSICAL reply.</summary>
    /// <exception cref="CommandNotInDialectException">The dialect does not have it.</exception>
    public virtual DecodeStatus ReadReply(ReadOnlySpan<byte> data, out PhysicalExtent reply) => throw Lacks(CommandKind.QueryPhysical);

    /// <summary>Reads the data of a reply that is one number in eight bytes: GET_VCPU_INFO, GET_MAX_GFN, GET_NEXT_AVAILABLE_GFN, TRANSLATE_GVA,
    /// GET_XCR, GET_MTRR_TYPE (the type), GET_EPT_VIEW and CREATE_EPT_VIEW (the view).</summary>
    public abstract DecodeStatus ReadNumberReply(ReadOnlySpan<byte> data, out ulong value);

    /// <summary>Reads the data of a GET_REGISTERS reply.</summary>
    public abstract DecodeStatus ReadReply(ReadOnlySpan<byte> data, out RegistersReply reply);

    /// <summary>Reads the data of a GET_CPUID reply.</summary>
    public abstract DecodeStatus ReadReply(ReadOnlySpan<byte> data, out CpuidReply reply);

    /// <summary>Reads an event message, header included. On any status but Ok the frame is empty.</summary>
    public abstract DecodeStatus ReadEvent(ReadOnlySpan<byte> message, out EventFrame frame);

    /// <summary>
    /// Reads whom an event of unknown kind waits for. Such an event has to be answered with CONTINUE, or its vCPU hangs for
    /// ever (kvmi-later-dialects.md 5.4 item 12).
    /// </summary>
    /// <param name="message">The whole message, header included, for which <see cref="ReadEvent"/> said UnknownId.</param>
    /// <param name="vcpu">vCPU that the event names.</param>
    /// <param name="eventId">Wire id of the event.</param>
    public abstract DecodeStatus ReadUnknownEvent(ReadOnlySpan<byte> message, out ushort vcpu, out ushort eventId);

    /// <summary>Writes CONTINUE to an event of unknown kind: the reply that has no data behind the action.</summary>
    /// <param name="destination">Where to write.</param>
    /// <param name="sequence">The event's sequence number.</param>
    /// <param name="vcpu">The event's vCPU.</param>
    /// <param name="eventId">Wire id of the event.</param>
    public abstract int WriteUnknownEventReply(Span<byte> destination, uint sequence, ushort vcpu, ushort eventId);

    /// <summary>Bytes of the reply message to an event of this kind, header included.</summary>
    public abstract int EventReplyLength(EventKind kind);

    /// <summary>Writes the reply to an event.</summary>
    /// <param name="destination">Where to write.</param>
    /// <param name="sequence">The event's sequence number.</param>
    /// <param name="vcpu">The event's vCPU.</param>
    /// <param name="kind">The event's kind.</param>
    /// <param name="reply">The answer.</param>
    public abstract int WriteEventReply(Span<byte> destination, uint sequence, ushort vcpu, EventKind kind, in EventReply reply);
}
