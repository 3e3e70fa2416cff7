using Kvmi.Protocol;
using Kvmi.Protocol.Dialects;
using Kvmi.Protocol.Events;
using Kvmi.Session.Deadlines;
using Kvmi.Session.Transport;
using Microsoft.Extensions.Logging;

namespace Kvmi.Session.Vm;

/// <summary>
/// One attached VM. Its owner thread reads, dispatches inline and replies. This part is the event loop; messages in, replies out, and the commands
/// have files of their own.
/// </summary>
internal sealed partial class VmConnection : IIntrospectedVm
{
    // After the handler has detached: enough for one event of every vCPU that was on its way, bounded against a peer that never stops.
    private const int MaxLateReceives = 256;

    private const byte Int3 = 0xCC;

    private readonly MessageChannel _channel;
    private readonly Dialect _dialect;
    private readonly TimeProvider _time;
    private readonly TimeSpan _commandTimeout;
    private readonly ILogger _log;
    private readonly EventTotal _total;
    private readonly VmStatistics _statistics = new();
    private readonly Watchdog _watchdog;
    private IVmHandlerFactory? _factory;
    private bool _isMaking;
    private IVmHandler? _handler;
    private volatile bool _stopRequested;
    private volatile string? _abortReason;
    private bool _unhooked;
    private DetachReason _lossReason;
    private string? _loss;
    private long _allocated;

    // The last time of the session's clock that was read.
    private long _now;

    /// <summary>Makes the connection; the calling thread becomes its owner.</summary>
    public VmConnection(
        MessageChannel channel, Dialect dialect, uint firstSequence, VmDescription description, VmConnectionSettings settings)
    {
        _channel = channel;
        _channel.MaxPayload = dialect.MaxPayload;
        _channel.Spin = settings.NewSpin();
        _dialect = dialect;
        _sequence = firstSequence;
        Identity = description.Identity;
        Capabilities = description.Capabilities;
        _vcpuCount = description.VcpuCount;
        _time = settings.Time;
        _commandTimeout = settings.CommandTimeout;
        _log = settings.Log;
        _total = settings.Total;
        _watchdog = settings.Watchdog;
        _faults = settings.Faults;
        _custody = new VmCustody(_watchdog, _time);
        _slots = new EventSlot?[VcpuCount];
        _queue = new Queue<EventSlot>(VcpuCount + MaxNotifications);
        _commandIds = CommandTable(dialect);
    }

    /// <inheritdoc/>
    public VmIdentity Identity { get; }

    /// <inheritdoc/>
    public VmCapabilities Capabilities { get; }

    /// <inheritdoc/>
    public int VcpuCount => Volatile.Read(ref _vcpuCount);

    /// <summary>Snapshot of the counters. Any thread.</summary>
    public VmCounters Counters => _statistics.Snapshot(_channel.BytesReceived, _channel.BytesSent);

    /// <summary>Why the connection was lost; null while it stands and after an orderly end.</summary>
    public string? Loss => _loss;

    /// <summary>Asks the owner thread to detach and close, at the next tick at the latest. Any thread.</summary>
    public void RequestStop() => _stopRequested = true;

    /// <summary>Ends the connection at once. Any thread.</summary>
    /// <param name="why">Reason, for messages.</param>
    public void Abort(string why)
    {
        _abortReason = why;
        _channel.Abort();
    }

    /// <summary>Runs the VM on the owner thread until it goes away.</summary>
    /// <exception cref="HandlerAbandonedException">Another thread has taken this one's place: <see cref="Continue"/> runs there.</exception>
    /// <param name="factory">Makes the handler.</param>
    /// <param name="connected">Tells the observer; before the handler is made.</param>
    public DetachReason Run(IVmHandlerFactory factory, Action connected)
    {
        _factory = factory;
        _watchdog.Add(_custody, this);
        return RunToEnd(() =>
        {
            Tell(connected);
            Begin();
        });
    }

    /// <summary>Nothing is left that could hang: the watchdog forgets the VM.</summary>
    public void Close() => _watchdog.Remove(_custody);

    private void Begin()
    {
        EnableUnhook();
        _isMaking = true;
        Make();
        NotifyAttached();
        _allocated = GC.GetAllocatedBytesForCurrentThread();
    }

    private DetachReason RunToEnd(Action begin)
    {
        DetachReason reason;
        try
        {
            begin();

            // Without a handler nobody can decide: what waits is answered by default, and the VM goes on alone.
            reason = _handler is null ? DetachReason.Stopping : Loop();
        }
        catch (VmConnectionLostException) when (_loss is not null)
        {
            reason = _lossReason;
        }
        catch (Exception exception) when (exception is not HandlerAbandonedException)
        {
            // The factory failed, or this class did: without a handler or a known state nothing can be decided any more.
            _log.SessionFailed(exception, Identity.Peer);
            _loss ??= "an internal error";
            reason = DetachReason.ProtocolError;
        }

        if (_loss is not null)
        {
            _log.ConnectionLost(Identity.Peer, Identity.Name, _loss);
        }

        Detach(reason);
        return reason;
    }

    private void EnableUnhook()
    {
        if (!Capabilities.Events.Contains(EventKind.Unhook) || !Capabilities.Commands.Contains(CommandKind.ControlVmEvents))
        {
            return;
        }

        var error = ControlVmEvents(EventKind.Unhook, true);
        if (error != KvmiError.None)
        {
            _log.UnhookNotEnabled(Identity.Peer, (int)error);
        }
    }

    private DetachReason Loop()
    {
        var lastIdle = _now = _time.GetTimestamp();
        while (true)
        {
            DispatchQueued();
            if (TakeMessage())
            {
                continue;
            }

            FlushOrLose();
            _group.EndBatch();
            if (_unhooked)
            {
                return DetachReason.Unhook;
            }

            if (_stopRequested)
            {
                return DetachReason.Stopping;
            }

            // What was received before has read the clock; that is near enough here.
            if (!ReceiveOrLose() || _time.GetElapsedTime(lastIdle, _now) >= MessageChannel.Tick)
            {
                CountAllocations();
                NotifyIdle();
                lastIdle = _now = _time.GetTimestamp();
            }
        }
    }

    private void CountAllocations()
    {
        var now = GC.GetAllocatedBytesForCurrentThread();
        _statistics.Allocated(now - _allocated);
        _allocated = now;
    }

    private void DispatchQueued()
    {
        while (!_holding && _queue.TryDequeue(out var slot))
        {
            if (_dialect.ReadEvent(slot.Message, out var frame) != DecodeStatus.Ok)
            {
                throw new InvalidOperationException("A queued event was read before and cannot be read again.");
            }

            _now = _time.GetTimestamp();
            SendReadyReplies();
            if (_dialect.ExpectsReply(slot.Kind))
            {
                Decide(slot, in frame);
            }
            else
            {
                NotifyOf(in frame);
                _freeNotifications.Push(slot);
            }
        }
    }

    private void Decide(EventSlot slot, in EventFrame frame)
    {
        var reply = Default(in frame);
        Exception? failure = null;
        _current = slot;
        _custody.BeginEvent(_now);
        Lend(_watchdog.Limits.Event);
        try
        {
            _handler!.OnEvent(in frame, ref reply);
        }
        catch (Exception exception)
        {
            failure = exception;
        }

        Reclaim();
        _custody.EndEvent();
        _current = null;
        ThrowIfLost();
        if (failure is not null)
        {
            _statistics.HandlerError();
            _log.HandlerFailed(failure, Identity.Peer, "OnEvent", slot.Kind, slot.Vcpu, slot.Sequence);
            Resume();
        }

        if (!slot.IsWaiting)
        {
            DropLateResult(slot);
            return;
        }

        MakeLegal(slot, ref reply);
        Answer(slot, in frame, in reply);
    }

    private void MakeLegal(EventSlot slot, ref EventReply reply)
    {
        if (!_dialect.IsLegalAction(slot.Kind, reply.Action))
        {
            _statistics.HandlerError();
            _log.IllegalAction(Identity.Peer, (int)reply.Action, slot.Kind, slot.Vcpu, slot.Sequence);
            reply.Action = EventAction.Continue;
        }
    }

    private void Detach(DetachReason reason)
    {
        _ending = reason;
        if (_handler is not null)
        {
            CountAllocations();
            NotifyDetaching(reason);
        }

        EndDetach();
    }

    private void EndDetach()
    {
        try
        {
            if (_loss is null)
            {
                Resume();
            }

            AnswerLateEvents();
        }
        catch (VmConnectionLostException)
        {
            // Nobody waits for these answers any more: vCPUs of a closed connection go on by themselves.
        }
    }

    /// <summary>The handler has given back what it took; events that were on their way meanwhile get the default answer.</summary>
    private void AnswerLateEvents()
    {
        var looks = 0;
        for (var receives = 0; _loss is null; receives++)
        {
            do
            {
                while (_queue.TryDequeue(out var slot))
                {
                    if (slot.Kind == EventKind.Breakpoint && looks++ < MaxLateReceives)
                    {
                        AnswerLateBreakpoint(slot);
                    }
                    else
                    {
                        AnswerByDefault(slot);
                    }
                }
            }
            while (TakeMessage());

            FlushOrLose();
            if (receives == MaxLateReceives || !_channel.IsReadable())
            {
                return;
            }

            ReceiveOrLose();
        }
    }

    /// <summary>
    /// An INT3 that the handler put into guest code and has taken back meanwhile is nothing that the guest may be told of: where there is none
    /// any more, the vCPU tries the instruction again.
    /// </summary>
    private void AnswerLateBreakpoint(EventSlot slot)
    {
        if (!Capabilities.Commands.Contains(CommandKind.ReadPhysical) || _dialect.ReadEvent(slot.Message, out var frame) != DecodeStatus.Ok)
        {
            AnswerByDefault(slot);
            return;
        }

        byte current = 0;
        var reply = Default(in frame);
        if (ReadPhysical(frame.Gpa, new Span<byte>(ref current)) == KvmiError.None && current != Int3)
        {
            reply.Action = EventAction.Retry;
        }

        Answer(slot, in frame, in reply);
    }

    private void ThrowIfLost()
    {
        if (_loss is not null)
        {
            throw new VmConnectionLostException(LossMessage());
        }
    }

    /// <summary>Ends the connection; the first reason stays.</summary>
    private VmConnectionLostException Lose(DetachReason reason, string why)
    {
        if (_loss is null)
        {
            _loss = why;
            _lossReason = reason;
            if (reason == DetachReason.ProtocolError)
            {
                _statistics.ProtocolError();
            }

            _channel.Abort();
        }

        return new VmConnectionLostException(LossMessage());
    }

    private string LossMessage() => $"The connection to VM '{Identity.Name}' ({Identity.Peer}) is lost: {_loss}.";
}
