namespace Kvmi.Policy.Engine.Containment.Metering;

/// <summary>The budget of the run that is under way on one thread. Every member but <see cref="Stop"/> belongs to that thread.</summary>
internal sealed class ScriptMeter
{
    /// <summary>Steps between two looks at the budget.</summary>
    public const int SliceLength = 1024;

    [ThreadStatic]
    private static ScriptMeter? t_meter;

    private bool _running;
    private long _fuel;
    private long _left;
    private long _slice;
    private long _memory;
    private long _allocatedAtStart;
    private string? _exceeded;
    private volatile bool _stop;

    /// <summary>The meter of this thread; made at first use and kept.</summary>
    public static ScriptMeter Current => t_meter ??= new();

    /// <summary>Starts a run.</summary>
    /// <param name="fuel">Steps that it may make.</param>
    /// <param name="memory">Bytes that it may allocate.</param>
    public void Begin(long fuel, long memory)
    {
        _fuel = fuel;
        _left = fuel;
        _slice = 0;
        _memory = memory;
        _exceeded = null;
        _stop = false;
        _allocatedAtStart = GC.GetAllocatedBytesForCurrentThread();
        _running = true;
        ScriptGuard.Restart();
        ScriptGuard.LimitStack();
    }

    /// <summary>The run has to end: its next loop or call throws. Any thread, while the run lasts.</summary>
    public void Stop() => _stop = true;

    /// <summary>Ends the run.</summary>
    /// <returns>What limit it has passed, to follow "it", even if it caught the exception; null: none.</returns>
    public string? End()
    {
        _running = false;
        if (_exceeded is null && GC.GetAllocatedBytesForCurrentThread() - _allocatedAtStart > _memory)
            _exceeded = MemoryText();

        ScriptGuard.Restart();
        ScriptGuard.ReleaseStack();
        return _exceeded;
    }

    /// <summary>Called when a slice is used up.</summary>
    /// <param name="rest">What is left of it: negative by what was used beyond it.</param>
    /// <returns>The next slice.</returns>
    /// <exception cref="ScriptLimitException">The run has used up its budget.</exception>
    public static long NextSlice(long rest)
    {
        // Code that runs outside of an event, such as the comparison of a sorted collection in a report, has no budget to use up.
        if (t_meter is not { _running: true } meter)
            return SliceLength;

        meter.Take(rest);
        return meter._slice;
    }

    /// <summary>Checks the length of an array before it is made.</summary>
    /// <exception cref="ScriptLimitException">It is longer than the budget has bytes.</exception>
    public static void CheckArray(nint length)
    {
        if (t_meter is { _running: true } meter && length > meter._memory)
            throw meter.Exceed(meter.MemoryText());
    }

    /// <summary>Called when a run has used up its part of the stack.</summary>
    /// <exception cref="ScriptLimitException">Always.</exception>
    public static void StackIsFull() => throw Current.Exceed("is nested too deeply: its methods call each other without end");

    private void Take(long rest)
    {
        _left -= _slice - rest;
        _slice = 0;
        if (_exceeded is not null)
            throw new ScriptLimitException(_exceeded);

        if (_stop)
            throw Exceed("did not end within its time-out (budget.timeout)");

        if (_left <= 0)
            throw Exceed($"used up its fuel of {_fuel} steps (budget.fuel)");

        if (GC.GetAllocatedBytesForCurrentThread() - _allocatedAtStart > _memory)
            throw Exceed(MemoryText());

        _slice = Math.Min(_left, SliceLength);
    }

    private ScriptLimitException Exceed(string text)
    {
        _exceeded = text;
        ScriptGuard.Restart();
        return new(text);
    }

    private string MemoryText() => $"allocated more than {_memory} bytes in one run (budget.memory)";
}
