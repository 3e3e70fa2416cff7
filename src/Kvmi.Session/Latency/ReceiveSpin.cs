using System.Runtime.InteropServices;
using Kvmi.Session.Endpoints;

namespace Kvmi.Session.Latency;

/// <summary>
/// Looks for bytes for a bounded time before a thread goes to sleep in a receive. One for each connection; its thread only, or the one that has
/// taken its place. Allocates nothing.
/// <para>
/// Spinning helps who has a processor to spare and harms who has not: the thread is taken off it in the middle, and what it waits for comes
/// later. So it stops for a while when it notices that it was off the processor, and it never spins when the budget of all VMs is spent.
/// </para>
/// </summary>
internal sealed class ReceiveSpin
{
    /// <summary>A look returned nothing: the caller has to wait.</summary>
    public const int Nothing = -1;

    /// <summary>Longest spin of <see cref="LatencyMode.Balanced"/>.</summary>
    public static readonly TimeSpan BalancedLimit = TimeSpan.FromMicroseconds(30);

    /// <summary>Longest spin of <see cref="LatencyMode.Low"/>.</summary>
    public static readonly TimeSpan LowLimit = TimeSpan.FromMicroseconds(200);

    // Two looks are far less than a microsecond apart; a gap like this means that somebody else had the processor.
    private static readonly TimeSpan Gap = TimeSpan.FromMicroseconds(50);

    // A wait in the kernel is that much longer than what it waits for: the time of a wake-up.
    private static readonly TimeSpan WakeUp = TimeSpan.FromMicroseconds(20);

    // A clock that stands still (a test's) must not spin for ever.
    private const int MaxLooks = 10_000;
    private const int PauseBetweenLooks = 4;
    private const int ShortWaitsToBegin = 4;
    private const int WaitsAfterGap = 64;

    private readonly SpinBudget _budget;
    private readonly TimeProvider _time;
    private readonly TimeSpan _limit;
    private readonly bool _learns;
    private bool _isWorthIt;
    private int _shortWaits;
    private int _pause;
    private long _waitStart;

    /// <summary>Makes the spin of one connection.</summary>
    /// <param name="mode">Balanced or low.</param>
    /// <param name="budget">Of all connections of the server.</param>
    /// <param name="time">Clock.</param>
    public ReceiveSpin(LatencyMode mode, SpinBudget budget, TimeProvider time)
    {
        _budget = budget;
        _time = time;
        _learns = mode == LatencyMode.Balanced;
        _limit = _learns ? BalancedLimit : LowLimit;
        _isWorthIt = !_learns;
    }

    /// <summary>Looks until bytes are there or the time is over.</summary>
    /// <param name="socket">A connected socket.</param>
    /// <param name="buffer">Where the bytes go.</param>
    /// <returns>Number of bytes, 0 when the peer has closed its end, or <see cref="Nothing"/>: the caller has to wait, and to call <see cref="Waited"/>.</returns>
    public int Receive(SafeHandle socket, Span<byte> buffer)
    {
        if (_pause > 0)
        {
            _pause--;
        }
        else if (_isWorthIt && _budget.TryEnter())
        {
            try
            {
                if (Look(socket, buffer) is var count and not Nothing)
                {
                    return count;
                }
            }
            finally
            {
                _budget.Leave();
            }

            _isWorthIt = !_learns;
            _shortWaits = 0;
        }

        _waitStart = _learns ? _time.GetTimestamp() : 0;
        return Nothing;
    }

    /// <summary>The wait that followed is over.</summary>
    /// <param name="hasData">False when nothing came.</param>
    public void Waited(bool hasData)
    {
        if (!_learns || _isWorthIt)
        {
            return;
        }

        _shortWaits = hasData && _time.GetElapsedTime(_waitStart) <= _limit + WakeUp ? _shortWaits + 1 : 0;
        _isWorthIt = _shortWaits >= ShortWaitsToBegin;
    }

    private int Look(SafeHandle socket, Span<byte> buffer)
    {
        var start = _time.GetTimestamp();
        var last = start;
        for (var look = 0; look < MaxLooks; look++)
        {
            var count = NativeMethods.Receive(socket, buffer, (nuint)buffer.Length, NativeMethods.MsgDontWait);
            if (count >= 0)
            {
                return (int)count;
            }

            if (Marshal.GetLastPInvokeError() is not (NativeMethods.Eagain or NativeMethods.Eintr))
            {
                // The wait that follows meets the same error and reports it.
                return Nothing;
            }

            Thread.SpinWait(PauseBetweenLooks);
            var now = _time.GetTimestamp();
            if (_time.GetElapsedTime(last, now) >= Gap)
            {
                _pause = WaitsAfterGap;
                return Nothing;
            }

            if (_time.GetElapsedTime(start, now) >= _limit)
            {
                return Nothing;
            }

            last = now;
        }

        return Nothing;
    }
}
