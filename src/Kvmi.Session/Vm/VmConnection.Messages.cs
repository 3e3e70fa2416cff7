using Kvmi.Protocol;
using Kvmi.Protocol.Dialects;
using Kvmi.Session.Detection;
using Kvmi.Session.Transport;

namespace Kvmi.Session.Vm;

/// <summary>Messages in, the same from the event loop and while a command waits.</summary>
internal sealed partial class VmConnection
{
    private const int MaxNotifications = 64;

    private readonly Queue<EventSlot> _queue;
    private readonly Stack<EventSlot> _freeNotifications = new(MaxNotifications);
    private EventSlot?[] _slots;
    private int _notificationSlots;
    private readonly HashSet<ushort> _unknownEvents = [];
    private int _vcpuCount;

    /// <summary>Takes one message from the receive buffer while no command waits.</summary>
    private bool TakeMessage()
    {
        if (!TryTake(out var header, out var message))
        {
            return false;
        }

        if (_dialect.Classify(MessageDirection.KernelToTool, header.Id) != MessageRole.Event)
        {
            throw Lose(
                DetachReason.ProtocolError, $"a reply (id {header.Id}, seq {header.Sequence}) came although no command waits for one");
        }

        Enqueue(in header, message);
        return true;
    }

    private bool TryTake(out MessageHeader header, out ReadOnlySpan<byte> message)
    {
        var status = _channel.TryTake(out header, out message);
        if (status == TakeStatus.Oversized)
        {
            throw Lose(
                DetachReason.ProtocolError,
                $"a message (id {header.Id}, seq {header.Sequence}) announces {header.Size} payload bytes; {_dialect.Name} allows {_dialect.MaxPayload}");
        }

        if (status != TakeStatus.Message)
        {
            return false;
        }

        InjectLoss();
        return true;
    }

    /// <summary>Copies an event into the slot of its vCPU and puts it in line.</summary>
    private void Enqueue(in MessageHeader header, ReadOnlySpan<byte> message)
    {
        var status = _dialect.ReadEvent(message, out var frame);
        if (status == DecodeStatus.UnknownId)
        {
            ContinueUnknown(in header, message);
            return;
        }

        if (status != DecodeStatus.Ok)
        {
            throw Lose(DetachReason.ProtocolError, $"an event (seq {header.Sequence}, {header.Size} payload bytes) is malformed: {status}");
        }

        EventSlot slot;
        if (_dialect.ExpectsReply(frame.Kind))
        {
            _statistics.Event();
            slot = SlotOf(frame.Vcpu, frame.Sequence);
        }
        else
        {
            _statistics.Notification();
            if (frame.Kind == EventKind.Unhook)
            {
                _unhooked = true;
                return;
            }

            if (TakeSilentError(in frame))
            {
                return;
            }

            slot = NotificationSlot();
        }

        slot.Arm(message, frame.Vcpu, frame.Sequence, frame.Kind);
        if (!TakeOwnPause(slot))
        {
            _queue.Enqueue(slot);
        }
    }

    private EventSlot SlotOf(ushort vcpu, uint sequence)
    {
        if (vcpu >= _slots.Length)
        {
            // A vCPU that was plugged in after the VM was attached.
            if (vcpu >= CapabilityProbe.MaxVcpus)
            {
                throw Lose(
                    DetachReason.ProtocolError, $"an event (seq {sequence}) names vCPU {vcpu}; there are at most {CapabilityProbe.MaxVcpus}");
            }

            Array.Resize(ref _slots, vcpu + 1);
            Volatile.Write(ref _vcpuCount, Math.Max(_vcpuCount, vcpu + 1));
        }

        var slot = _slots[vcpu] ??= new EventSlot();
        return slot.IsWaiting
            ? throw Lose(
                DetachReason.ProtocolError,
                $"vCPU {vcpu} sent an event (seq {sequence}) while its event with seq {slot.Sequence} still waits for a reply")
            : slot;
    }

    private EventSlot NotificationSlot()
    {
        if (_freeNotifications.TryPop(out var slot))
        {
            return slot;
        }

        if (_notificationSlots == MaxNotifications)
        {
            throw Lose(DetachReason.ProtocolError, $"more than {MaxNotifications} notifications came while one command waited");
        }

        _notificationSlots++;
        return new EventSlot();
    }

    private void ContinueUnknown(in MessageHeader header, ReadOnlySpan<byte> message)
    {
        _statistics.Event();
        _now = _time.GetTimestamp();
        if (_dialect.ReadUnknownEvent(message, out var vcpu, out var eventId) != DecodeStatus.Ok)
        {
            throw Lose(DetachReason.ProtocolError, $"an event (seq {header.Sequence}, {header.Size} payload bytes) is malformed");
        }

        MakeRoom();
        NoteReply();
        _channel.Commit(_dialect.WriteUnknownEventReply(_channel.Output, header.Sequence, vcpu, eventId));
        CountReply();
        if (_unknownEvents.Add(eventId))
        {
            _log.UnknownEvent(Identity.Peer, eventId, vcpu, header.Sequence);
        }
    }

    /// <summary>Receives; false when nothing came for one tick.</summary>
    private bool ReceiveOrLose()
    {
        var isWatched = _custody.BeginWait();
        var status = _channel.Receive(out var error);
        if (isWatched)
        {
            _custody.EndWait();
        }

        switch (status)
        {
            case ReceiveStatus.Data:
                return true;
            case ReceiveStatus.Tick:
                return false;
            case ReceiveStatus.Closed when _abortReason is { } why:
                throw Lose(DetachReason.PeerLost, $"this side ended it, because {why}");
            case ReceiveStatus.Closed:
                var rest = _channel.Pending;
                throw Lose(DetachReason.PeerLost, rest.IsEmpty
                    ? "it closed the connection"
                    : MessageHeader.TryRead(rest, out var header)
                        ? $"it closed the connection in the middle of a message (id {header.Id}, {rest.Length} of {header.MessageLength} bytes)"
                        : $"it closed the connection in the middle of a message header ({rest.Length} of {MessageHeader.Length} bytes)");
            default:
                throw Lose(DetachReason.PeerLost, $"the connection broke ({error})");
        }
    }
}
