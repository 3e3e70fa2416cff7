using Kvmi.Policy.Testing.Traces.Records;
using Kvmi.Protocol;
using Kvmi.Protocol.Commands;
using Kvmi.Protocol.Dialects;

namespace Kvmi.Policy.Testing.Replay.Traces;

/// <summary>
/// The commands of one recorded conversation and their answers: those since the last decided event, in order, and what was ever intercepted
/// or restricted, because only of that can the trace hold the events.
/// </summary>
internal sealed class RecordedCommands
{
    private const int PageShift = 12;
    private readonly Dialect _dialect;
    private readonly Dictionary<uint, Waiting> _waiting = [];
    private readonly List<(CommandSubject Subject, KvmiError Error)> _answers = [];
    private readonly HashSet<CommandSubject> _switchedOn = [];
    private readonly Dictionary<uint, long> _open = [];
    private readonly Dictionary<uint, long> _answered = [];
    private readonly HashSet<long> _late = [];

    public RecordedCommands(Dialect dialect) => _dialect = dialect;

    /// <summary>Memory that the recorded commands read and wrote.</summary>
    public RecordedMemory Memory { get; } = new();

    /// <summary>Notes what commands switch on and which events were answered before they were decided, for a first look at the whole conversation.</summary>
    public void Learn(TraceRecord record)
    {
        if (record is TraceDecision decision)
        {
            if (_answered.Remove(decision.Sequence, out var number))
            {
                _late.Add(number);
            }

            _open.Remove(decision.Sequence);
            return;
        }

        if (record is not TraceMessage message || !MessageHeader.TryRead(message.Bytes, out var header) || message.Bytes.Length != header.MessageLength)
        {
            return;
        }

        switch (_dialect.Classify(message.Direction, header.Id))
        {
            case MessageRole.Event when message.Event != 0:
                _open[header.Sequence] = message.Event;
                _answered.Remove(header.Sequence);
                break;
            case MessageRole.EventReply when _open.Remove(header.Sequence, out var open):
                _answered[header.Sequence] = open;
                break;
            case MessageRole.Command when _dialect.TryGetCommand(header.Id, out var kind):
                Subjects(kind, message.Bytes.AsSpan(MessageHeader.Length), (subject, enable) =>
                {
                    if (enable)
                    {
                        _switchedOn.Add(subject);
                    }
                });
                break;
            default:
                break;
        }
    }

    /// <summary>True for an event that was answered at a deadline, before its policies had decided.</summary>
    public bool WasLate(long number) => _late.Contains(number);

    /// <summary>A command, on its way.</summary>
    public void Command(in MessageHeader header, TraceMessage message)
    {
        if (!_dialect.TryGetCommand(header.Id, out var kind))
        {
            return;
        }

        var payload = message.Bytes.AsSpan(MessageHeader.Length);
        List<CommandSubject> subjects = [];
        Subjects(kind, payload, (subject, _) => subjects.Add(subject));
        var waiting = new Waiting(header.Id, [.. subjects], 0, 0, null);
        if (kind == CommandKind.ReadPhysical && _dialect.Read(payload, out ReadPhysical read) == CommandStatus.Ok)
        {
            waiting = waiting with { Gpa = read.Gpa, Size = read.Size };
        }
        else if (kind == CommandKind.WritePhysical && _dialect.Read(payload, out WritePhysical write) == CommandStatus.Ok
            && message.Contents is null or { Bytes: not null })
        {
            waiting = waiting with { Gpa = write.Gpa, Written = write.Data.ToArray() };
        }

        _waiting[header.Sequence] = waiting;
    }

    /// <summary>An answer.</summary>
    public void Answer(in MessageHeader header, TraceMessage message)
    {
        if (!_waiting.Remove(header.Sequence, out var waiting) || waiting.Id != header.Id
            || _dialect.ReadReply(message.Bytes.AsSpan(MessageHeader.Length), out var error, out var data) != DecodeStatus.Ok)
        {
            return;
        }

        foreach (var subject in waiting.Subjects)
        {
            _answers.Add((subject, error));
        }

        if (error != KvmiError.None)
        {
            return;
        }

        if (waiting.Written is { } written)
        {
            Memory.AddWrite(waiting.Gpa, written);
        }
        else if (waiting.Size > 0 && waiting.Size == (ulong)data.Length && message.Contents is null or { Bytes: not null })
        {
            Memory.AddRead(waiting.Gpa, data.ToArray());
        }
    }

    /// <summary>How the recorded command with this subject was answered, since the last event; each answer serves once.</summary>
    /// <returns>False when there was none.</returns>
    public bool TryTake(CommandSubject subject, out KvmiError error)
    {
        var index = _answers.FindIndex(answer => answer.Subject == subject);
        error = index < 0 ? KvmiError.None : _answers[index].Error;
        if (index >= 0)
        {
            _answers.RemoveAt(index);
        }

        return index >= 0;
    }

    /// <summary>True when it was switched on at any time of the recording.</summary>
    public bool WasEverOn(CommandSubject subject) => _switchedOn.Contains(subject);

    /// <summary>The event is over: its answers serve no other.</summary>
    public void EndEvent()
    {
        _answers.Clear();
        Memory.EndEvent();
    }

    private void Subjects(CommandKind kind, ReadOnlySpan<byte> payload, Action<CommandSubject, bool> see)
    {
        switch (kind)
        {
            case CommandKind.ControlEvents when _dialect.EventsAreMasks:
                if (_dialect.Read(payload, out ControlEventMask mask) == CommandStatus.Ok)
                {
                    Masked(kind, mask.Vcpu, mask.Events, see);
                }

                break;
            case CommandKind.ControlVmEvents when _dialect.EventsAreMasks:
                if (_dialect.Read(payload, out ControlVmEventMask vmMask) == CommandStatus.Ok)
                {
                    Masked(kind, 0, vmMask.Events, see);
                }

                break;
            case CommandKind.ControlEvents when _dialect.Read(payload, out ControlEvents events) == CommandStatus.Ok
                && _dialect.TryGetEvent(events.EventId, out var happening):
                see(new(kind, events.Vcpu, (ulong)happening), events.Enable != 0);
                break;
            case CommandKind.ControlVmEvents when _dialect.Read(payload, out ControlVmEvents events) == CommandStatus.Ok
                && _dialect.TryGetEvent(events.EventId, out var happening):
                see(new(kind, 0, (ulong)happening), events.Enable != 0);
                break;
            case CommandKind.ControlCr when _dialect.Read(payload, out ControlCr cr) == CommandStatus.Ok:
                see(new(kind, cr.Vcpu, cr.Cr), cr.Enable != 0);
                break;
            case CommandKind.ControlMsr when _dialect.Read(payload, out ControlMsr msr) == CommandStatus.Ok:
                see(new(kind, msr.Vcpu, msr.Msr), msr.Enable != 0);
                break;
            case CommandKind.ControlSinglestep when _dialect.Read(payload, out ControlSinglestep step) == CommandStatus.Ok:
                see(new(kind, step.Vcpu, 0), step.Enable != 0);
                break;
            case CommandKind.SetPageAccess when _dialect.Read(payload, out SetPageAccess access) == CommandStatus.Ok:
                for (var i = 0; i < access.Count; i++)
                {
                    access.TryGetEntry(i, out var gpa, out var rights);
                    see(new(kind, 0, gpa >> PageShift), rights != (byte)PageAccess.All);
                }

                break;
            case CommandKind.InjectException when _dialect.Read(payload, out InjectException exception) == CommandStatus.Ok:
                see(new(kind, exception.Vcpu, exception.Vector), true);
                break;
            case CommandKind.SetRegisters when _dialect.ReadSetRegisters(payload, out var vcpu, out _) == CommandStatus.Ok:
                see(new(kind, vcpu, 0), true);
                break;
            case CommandKind.ReadPhysical when _dialect.Read(payload, out ReadPhysical read) == CommandStatus.Ok:
                see(new(kind, 0, read.Gpa), true);
                break;
            case CommandKind.WritePhysical when _dialect.Read(payload, out WritePhysical write) == CommandStatus.Ok:
                see(new(kind, 0, write.Gpa), true);
                break;
            default:
                break;
        }
    }

    private void Masked(CommandKind kind, ushort vcpu, uint events, Action<CommandSubject, bool> see)
    {
        foreach (var happening in Enum.GetValues<EventKind>())
        {
            if (_dialect.TryGetEventId(happening, out var bit) && bit < 32)
            {
                see(new(kind, vcpu, (ulong)happening), (events & (1u << bit)) != 0);
            }
        }
    }

    private sealed record Waiting(ushort Id, CommandSubject[] Subjects, ulong Gpa, ulong Size, byte[]? Written);
}
