using Kvmi.Protocol.Commands;
using Kvmi.Protocol.Dialects.V7;
using Kvmi.Protocol.Events;
using Kvmi.Protocol.Registers;

namespace Kvmi.Protocol.Dialects;

/// <summary>
/// One wire dialect, both ends: ids, layouts and limits. Pure functions over spans: no I/O, no clock, no allocation in
/// any Write or Read method; instances are immutable and shared by all threads. Every Write method returns the bytes
/// written and throws <see cref="ArgumentException"/> when the destination is too small; every Read method takes bytes
/// from an untrusted peer and never throws.
/// </summary>
public abstract class Dialect
{
    private protected Dialect()
    {
    }

    /// <summary>The dialects that this build speaks.</summary>
    public static IReadOnlyList<Dialect> All { get; } = [V7Dialect.Instance];

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

    /// <summary>True when <paramref name="action"/> is a legal answer to this event.</summary>
    public abstract bool IsLegalAction(EventKind kind, EventAction action);

    /// <summary>Tells commands from event replies, and events from command replies.</summary>
    public abstract MessageRole Classify(MessageDirection direction, ushort id);

    // ---- the tool's end: commands out ----

    /// <summary>Writes a command without a body: GET_VERSION, GET_VM_INFO, GET_MAX_GFN.</summary>
    public abstract int WriteEmpty(Span<byte> destination, uint sequence, CommandKind kind);

    /// <summary>Writes a command whose body is the vCPU header: GET_VCPU_INFO, GET_XSAVE, GET_EPT_VIEW.</summary>
    public abstract int WriteVcpuOnly(Span<byte> destination, uint sequence, CommandKind kind, ushort vcpu);

    /// <summary>Writes CHECK_COMMAND.</summary>
    public abstract int Write(Span<byte> destination, uint sequence, in CheckCommand command);

    /// <summary>Writes CHECK_EVENT.</summary>
    public abstract int Write(Span<byte> destination, uint sequence, in CheckEvent command);

    /// <summary>Writes PAUSE_VCPU.</summary>
    public abstract int Write(Span<byte> destination, uint sequence, in PauseVcpu command);

    /// <summary>Writes CONTROL_VM_EVENTS.</summary>
    public abstract int Write(Span<byte> destination, uint sequence, in ControlVmEvents command);

    /// <summary>Writes CONTROL_EVENTS.</summary>
    public abstract int Write(Span<byte> destination, uint sequence, in ControlEvents command);

    /// <summary>Writes CONTROL_CR.</summary>
    public abstract int Write(Span<byte> destination, uint sequence, in ControlCr command);

    /// <summary>Writes CONTROL_MSR.</summary>
    public abstract int Write(Span<byte> destination, uint sequence, in ControlMsr command);

    /// <summary>Writes READ_PHYSICAL.</summary>
    public abstract int Write(Span<byte> destination, uint sequence, in ReadPhysical command);

    /// <summary>Writes WRITE_PHYSICAL.</summary>
    public abstract int Write(Span<byte> destination, uint sequence, in WritePhysical command);

    /// <summary>Writes INJECT_EXCEPTION.</summary>
    public abstract int Write(Span<byte> destination, uint sequence, in InjectException command);

    /// <summary>Writes CONTROL_CMD_RESPONSE.</summary>
    public abstract int Write(Span<byte> destination, uint sequence, in ControlCommandResponse command);

    /// <summary>Writes GET_CPUID.</summary>
    public abstract int Write(Span<byte> destination, uint sequence, in GetCpuid command);

    /// <summary>Writes TRANSLATE_GVA.</summary>
    public abstract int Write(Span<byte> destination, uint sequence, in TranslateGva command);

    /// <summary>Writes CONTROL_SINGLESTEP.</summary>
    public abstract int Write(Span<byte> destination, uint sequence, in ControlSinglestep command);

    /// <summary>Writes GET_REGISTERS.</summary>
    /// <param name="destination">Where to write.</param>
    /// <param name="sequence">Sequence number.</param>
    /// <param name="vcpu">vCPU index.</param>
    /// <param name="msrs">MSR numbers wanted besides the registers.</param>
    public abstract int WriteGetRegisters(Span<byte> destination, uint sequence, ushort vcpu, ReadOnlySpan<uint> msrs);

    /// <summary>Writes SET_REGISTERS.</summary>
    public abstract int WriteSetRegisters(Span<byte> destination, uint sequence, ushort vcpu, in KvmRegs regs);

    /// <summary>Writes SET_PAGE_ACCESS.</summary>
    /// <param name="destination">Where to write.</param>
    /// <param name="sequence">Sequence number.</param>
    /// <param name="view">EPT view, 0 for the default.</param>
    /// <param name="entries">At most <see cref="MaxPageAccessEntries"/>.</param>
    public abstract int WriteSetPageAccess(Span<byte> destination, uint sequence, ushort view, ReadOnlySpan<PageAccessEntry> entries);

    // ---- the tool's end: replies and events in, event replies out ----

    /// <summary>Reads the error code of a command reply and gives the data behind it.</summary>
    /// <param name="payload">Payload of the reply, without the message header.</param>
    /// <param name="error">The error code.</param>
    /// <param name="data">What follows the eight bytes of the error; empty when there was an error.</param>
    public abstract DecodeStatus ReadReply(ReadOnlySpan<byte> payload, out KvmiError error, out ReadOnlySpan<byte> data);

    /// <summary>Reads the data of a GET_VERSION reply.</summary>
    public abstract DecodeStatus ReadReply(ReadOnlySpan<byte> data, out VersionReply reply);

    /// <summary>Reads the data of a GET_VM_INFO reply.</summary>
    public abstract DecodeStatus ReadVmInfoReply(ReadOnlySpan<byte> data, out uint vcpuCount);

    /// <summary>Reads the data of a reply that is one 64-bit number: GET_VCPU_INFO, GET_MAX_GFN, TRANSLATE_GVA, GET_XCR.</summary>
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

    // ---- the hypervisor's end: commands in, replies and events out ----

    /// <summary>Reads the vCPU of a command that consists of the vCPU header.</summary>
    public abstract CommandStatus ReadVcpuOnly(ReadOnlySpan<byte> payload, out ushort vcpu);

    /// <summary>Reads CHECK_COMMAND.</summary>
    public abstract CommandStatus Read(ReadOnlySpan<byte> payload, out CheckCommand command);

    /// <summary>Reads CHECK_EVENT.</summary>
    public abstract CommandStatus Read(ReadOnlySpan<byte> payload, out CheckEvent command);

    /// <summary>Reads PAUSE_VCPU.</summary>
    public abstract CommandStatus Read(ReadOnlySpan<byte> payload, out PauseVcpu command);

    /// <summary>Reads CONTROL_VM_EVENTS.</summary>
    public abstract CommandStatus Read(ReadOnlySpan<byte> payload, out ControlVmEvents command);

    /// <summary>Reads CONTROL_EVENTS.</summary>
    public abstract CommandStatus Read(ReadOnlySpan<byte> payload, out ControlEvents command);

    /// <summary>Reads CONTROL_CR.</summary>
    public abstract CommandStatus Read(ReadOnlySpan<byte> payload, out ControlCr command);

    /// <summary>Reads CONTROL_MSR.</summary>
    public abstract CommandStatus Read(ReadOnlySpan<byte> payload, out ControlMsr command);

    /// <summary>Reads READ_PHYSICAL.</summary>
    public abstract CommandStatus Read(ReadOnlySpan<byte> payload, out ReadPhysical command);

    /// <summary>Reads WRITE_PHYSICAL.</summary>
    public abstract CommandStatus Read(ReadOnlySpan<byte> payload, out WritePhysical command);

    /// <summary>Reads INJECT_EXCEPTION.</summary>
    public abstract CommandStatus Read(ReadOnlySpan<byte> payload, out InjectException command);

    /// <summary>Reads CONTROL_CMD_RESPONSE.</summary>
    public abstract CommandStatus Read(ReadOnlySpan<byte> payload, out ControlCommandResponse command);

    /// <summary>Reads GET_CPUID.</summary>
    public abstract CommandStatus Read(ReadOnlySpan<byte> payload, out GetCpuid command);

    /// <summary>Reads TRANSLATE_GVA.</summary>
    public abstract CommandStatus Read(ReadOnlySpan<byte> payload, out TranslateGva command);

    /// <summary>Reads CONTROL_SINGLESTEP.</summary>
    public abstract CommandStatus Read(ReadOnlySpan<byte> payload, out ControlSinglestep command);

    /// <summary>Reads GET_REGISTERS.</summary>
    public abstract CommandStatus Read(ReadOnlySpan<byte> payload, out GetRegisters command);

    /// <summary>Reads SET_PAGE_ACCESS.</summary>
    public abstract CommandStatus Read(ReadOnlySpan<byte> payload, out SetPageAccess command);

    /// <summary>Reads SET_REGISTERS.</summary>
    public abstract CommandStatus ReadSetRegisters(ReadOnlySpan<byte> payload, out ushort vcpu, out KvmRegs regs);

    /// <summary>Writes a reply that is an error code alone.</summary>
    /// <param name="destination">Where to write; at least 16 bytes.</param>
    /// <param name="id">Wire id of the command, also when it is unknown.</param>
    /// <param name="sequence">Sequence number of the command.</param>
    /// <param name="error">0 or a negative number.</param>
    public abstract int WriteReply(Span<byte> destination, ushort id, uint sequence, KvmiError error);

    /// <summary>Writes a successful reply with data.</summary>
    public abstract int WriteReply(Span<byte> destination, ushort id, uint sequence, ReadOnlySpan<byte> data);

    /// <summary>Writes the data of a GET_VERSION reply.</summary>
    public abstract int WriteData(Span<byte> destination, in VersionReply reply);

    /// <summary>Writes the data of a GET_VM_INFO reply.</summary>
    public abstract int WriteVmInfoData(Span<byte> destination, uint vcpuCount);

    /// <summary>Writes the data of a GET_REGISTERS reply.</summary>
    public abstract int WriteRegistersData(Span<byte> destination, in VcpuState state, ReadOnlySpan<MsrEntry> msrs);

    /// <summary>Writes an event message, header included.</summary>
    /// <param name="destination">Where to write.</param>
    /// <param name="sequence">The VM's event counter.</param>
    /// <param name="vcpu">vCPU index; 0 for VM events.</param>
    /// <param name="state">Machine state; left zero by the dialect for VM events.</param>
    /// <param name="body">What happened.</param>
    public abstract int WriteEvent(Span<byte> destination, uint sequence, ushort vcpu, in VcpuState state, in EventBody body);

    /// <summary>
    /// Reads an event reply, header included, as the dialect's kernel would: missing bytes are zero, surplus or padding
    /// that the kernel refuses gives <see cref="CommandStatus.Close"/>.
    /// </summary>
    /// <param name="message">The whole message.</param>
    /// <param name="expected">Kind of the event that waits.</param>
    /// <param name="vcpu">vCPU that the reply names.</param>
    /// <param name="eventId">Event id that the reply names; kernels do not check it.</param>
    /// <param name="reply">The answer, a view over <paramref name="message"/>.</param>
    public abstract CommandStatus ReadEventReply(
        ReadOnlySpan<byte> message, EventKind expected, out ushort vcpu, out byte eventId, out EventReply reply);
}
