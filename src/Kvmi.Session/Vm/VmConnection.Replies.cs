using System.Net.Sockets;
using Kvmi.Protocol.Dialects;
using Kvmi.Protocol.Events;

namespace Kvmi.Session.Vm;

/// <summary>Replies out: which reply an event gets, and when those that are ready leave.</summary>
internal sealed partial class VmConnection
{
    /// <summary>How long a reply that is ready may wait for the decisions about events that are here already.</summary>
    private static readonly TimeSpan CoalesceLimit = TimeSpan.FromMicroseconds(20);

    // When the decision about the oldest reply began that has not been sent; the watchdog reads it.
    private long _unsentSince;
    private ReplyGroup _group;

    private static EventReply Default(in EventFrame frame) => new() { NewValue = frame.NewValue };

    /// <summary>
    /// A reply waits for some of those behind it, so that they leave in one write, but not for long: the vCPU stands still meanwhile. What a
    /// handler that takes its time still keeps back, the watchdog sends.
    /// </summary>
    private void SendReadyReplies()
    {
        if (_channel.HasOutput && (_group.IsFull || AreRepliesLate(_now)))
        {
            FlushOrLose();
            _now = _time.GetTimestamp();
        }
    }

    private bool AreRepliesLate(long now) => _time.GetElapsedTime(Volatile.Read(ref _unsentSince), now) > CoalesceLimit;

    private void AnswerByDefault(EventSlot slot)
    {
        if (_dialect.ExpectsReply(slot.Kind) && _dialect.ReadEvent(slot.Message, out var frame) == DecodeStatus.Ok)
        {
            var reply = Default(in frame);
            Answer(slot, in frame, in reply);
        }
    }

    /// <summary>Answers an event unless somebody else has: the one way by which replies leave.</summary>
    private void Answer(EventSlot slot, in EventFrame frame, in EventReply reply)
    {
        if (!slot.TryClaim(slot.Sequence))
        {
            return;
        }

        MakeRoom();
        NoteReply();
        int length;
        try
        {
            length = _dialect.WriteEventReply(_channel.Output, slot.Sequence, slot.Vcpu, slot.Kind, in reply);
        }
        catch (ArgumentException exception)
        {
            // A context that is longer than the wire allows; the vCPU must not wait for ever because of it.
            _statistics.HandlerError();
            _log.HandlerFailed(exception, Identity.Peer, "The reply", slot.Kind, slot.Vcpu, slot.Sequence);
            length = _dialect.WriteEventReply(_channel.Output, slot.Sequence, slot.Vcpu, slot.Kind, Default(in frame));
        }

        _channel.Commit(length);
        CountReply();
    }

    /// <summary>A reply is about to be committed.</summary>
    private void NoteReply()
    {
        var isFirst = !_channel.HasOutput;
        if (isFirst)
        {
            Volatile.Write(ref _unsentSince, _now);
        }

        _group.Add(isFirst);
    }

    private void CountReply()
    {
        _statistics.Reply();
        _total.Add();
    }

    /// <summary>Makes sure that the largest message fits into the send buffer.</summary>
    private void MakeRoom()
    {
        if (!_channel.HasRoom(MaxRequest))
        {
            FlushOrLose();
        }
    }

    private void FlushOrLose()
    {
        if (_channel.HasOutput && _channel.Flush() is var error && error != SocketError.Success)
        {
            throw Lose(DetachReason.PeerLost, error switch
            {
                SocketError.TimedOut or SocketError.WouldBlock => "it takes no more bytes",
                SocketError.Shutdown or SocketError.ConnectionReset => "it closed the connection without waiting for what it had asked",
                _ => $"the connection broke while sending ({error})",
            });
        }
    }
}
