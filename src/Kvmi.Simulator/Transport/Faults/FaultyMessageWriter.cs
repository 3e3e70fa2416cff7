using System.Globalization;
using Kvmi.Protocol;

namespace Kvmi.Simulator.Transport.Faults;

/// <summary>
/// Stands between the kernel side and the socket of one connection and lets the scenario's faults happen. The kernel side knows nothing of it.
/// </summary>
internal sealed class FaultyMessageWriter : IMessageWriter, IDisposable
{
    private readonly Lock _gate = new();
    private readonly IMessageWriter _inner;
    private readonly FaultSchedule _schedule;
    private readonly FaultDelay _delay;
    private readonly List<FaultHit> _hits = [];
    private byte[] _held = [];
    private ITimer? _holdTimer;
    private Action<string>? _close;
    private bool _released;
    private bool _failed;
    private string? _brokenBy;

    /// <summary>Makes the writer of a connection.</summary>
    /// <param name="inner">Takes bytes to the tool.</param>
    /// <param name="schedule">Says what happens to which message.</param>
    public FaultyMessageWriter(IMessageWriter inner, FaultSchedule schedule)
    {
        _inner = inner;
        _schedule = schedule;
        _delay = new FaultDelay(schedule.TimeProvider);
    }

    /// <summary>The first fault of this connection that a tool may give it up for; null: none so far. Any thread.</summary>
    public string? BrokenBy => Volatile.Read(ref _brokenBy);

    /// <summary>Ties the writer to its connection; before the first message.</summary>
    /// <param name="close">Closes the connection, with the reason.</param>
    /// <param name="closed">Ends with the connection; no wait lasts longer.</param>
    public void Attach(Action<string> close, Task closed)
    {
        _close = close;
        closed.ContinueWith(_ => Dispose(), CancellationToken.None, TaskContinuationOptions.None, TaskScheduler.Default);
    }

    /// <summary>Ends every wait. Any thread; may be called again.</summary>
    public void Dispose()
    {
        _delay.Release();
        lock (_gate)
        {
            _released = true;
            _holdTimer?.Dispose();
        }
    }

    public bool Write(ReadOnlySpan<byte> message)
    {
        lock (_gate)
        {
            _hits.Clear();
            _schedule.Look(message, _hits);
            if (_hits.Count == 0)
            {
                return Pass(message);
            }

            MessageHeader.TryRead(message, out var header);
            foreach (var hit in _hits)
            {
                LogMessages.FaultHappens(_schedule.Logger, hit.Name, header.Id, header.Sequence);
                if (FaultCatalogue.Of(hit.Rule.Kind).Breaks)
                {
                    Interlocked.CompareExchange(ref _brokenBy, hit.Name, null);
                }
            }

            return WriteFaulty(message);
        }
    }

    /// <summary>Waits first, then damages, then sends in the manner that was asked for, then does what comes behind the message.</summary>
    private bool WriteFaulty(ReadOnlySpan<byte> message)
    {
        foreach (var hit in _hits)
        {
            if (hit.Rule.Kind == FaultKind.SlowKernel)
            {
                _delay.Wait(hit.Rule.Delay);
            }
        }

        var damaged = message;
        foreach (var hit in _hits)
        {
            damaged = MessageDamage.Apply(hit, damaged);
        }

        if (Find(FaultKind.CloseMidMessage) is { } cut)
        {
            var length = Math.Min(cut.Rule.Bytes ?? damaged.Length / 2, damaged.Length - 1);
            if (SendHeld() && _inner.Write(damaged[..length]))
            {
                Close(cut, string.Create(CultureInfo.InvariantCulture, $"after {length} of {damaged.Length} bytes of a message"));
            }

            return false;
        }

        if (Find(FaultKind.EventBetween) is { } hold && !IsEvent(message))
        {
            return Hold(damaged, hold.Rule.Delay);
        }

        var sent = Find(FaultKind.ShortWrites) is { } pieces ? WritePieces(damaged, pieces.Rule) : Pass(damaged);
        if (sent && Find(FaultKind.SpuriousEvent) is not null)
        {
            sent = _inner.Write(MessageDamage.WithOtherSequence(message));
        }

        if (sent && Find(FaultKind.CloseDuringPause) is { } close)
        {
            Close(close, "while the tool paused a vCPU");
        }

        return sent;
    }

    /// <summary>Sends a message, and a reply that was held back: behind it when it is an event, else before it, so that replies keep their order.</summary>
    private bool Pass(ReadOnlySpan<byte> message) => IsEvent(message)
        ? _inner.Write(message) && SendHeld()
        : SendHeld() && _inner.Write(message);

    private bool WritePieces(ReadOnlySpan<byte> message, FaultRule rule)
    {
        var isEvent = IsEvent(message);
        if (!isEvent && !SendHeld())
        {
            return false;
        }

        var size = rule.Bytes ?? 1;
        while (message.Length > size)
        {
            if (!_inner.Write(message[..size]))
            {
                return false;
            }

            message = message[size..];
            _delay.Wait(rule.Delay);
        }

        return _inner.Write(message) && (!isEvent || SendHeld());
    }

    private bool Hold(ReadOnlySpan<byte> reply, TimeSpan delay)
    {
        if (!SendHeld())
        {
            return false;
        }

        if (delay == TimeSpan.Zero || _released)
        {
            return _inner.Write(reply);
        }

        _held = reply.ToArray();
        _holdTimer ??= _schedule.TimeProvider.CreateTimer(_ => HoldIsOver(), null, Timeout.InfiniteTimeSpan, Timeout.InfiniteTimeSpan);
        _holdTimer.Change(delay, Timeout.InfiniteTimeSpan);
        return true;
    }

    // A timer that comes late finds nothing, or sends a later reply a little earlier than need be.
    private void HoldIsOver()
    {
        lock (_gate)
        {
            SendHeld();
        }
    }

    private bool SendHeld()
    {
        if (_held.Length > 0)
        {
            var held = _held;
            _held = [];
            _failed |= !_inner.Write(held);
        }

        return !_failed;
    }

    private void Close(FaultHit hit, string where) => _close?.Invoke($"the scenario's fault '{hit.Name}' ended it {where}");

    private FaultHit? Find(FaultKind kind)
    {
        foreach (var hit in _hits)
        {
            if (hit.Rule.Kind == kind)
            {
                return hit;
            }
        }

        return null;
    }

    private bool IsEvent(ReadOnlySpan<byte> message) => MessageHeader.TryRead(message, out var header) && _schedule.IsEvent(header.Id);
}
