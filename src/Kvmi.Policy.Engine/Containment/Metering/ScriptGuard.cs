using System.ComponentModel;
using System.Runtime.CompilerServices;

namespace Kvmi.Policy.Engine.Containment.Metering;

/// <summary>
/// What compiled scripts call at their loops, method entries, catch blocks and array creations; the instrumentation puts the calls in. A
/// script cannot name this class: it is compiled against the contract alone.
/// </summary>
/// <remarks>
/// Budgets belong to the thread. In the steady state a call is one decrement of a thread-static number; every
/// <see cref="ScriptMeter.SliceLength"/> steps it looks further. Public only because code of another assembly calls it.
/// </remarks>
[EditorBrowsable(EditorBrowsableState.Never)]
public static class ScriptGuard
{
    private const long CatchCost = 500;

    // An exception goes through each frame twice, and each frame of the framework that catches and throws again keeps some 20 KiB until the
    // last of them has ended: what fits here must fit some hundred times into the stack of a thread.
    private const uint StackLength = 100 * 1024;
    private const uint SmallStackLength = 48 * 1024;

    // While a catch or finally block runs, the runtime keeps what the exception before it has used of the stack: 20 to 60 KiB a method. Catch
    // blocks that throw again end within this; a method that calls itself both from its try and from its finally block does not, with any
    // limit that leaves room for honest policies (64 MiB of stack were not enough for it): only the worker process holds that one.
    private const uint ProtectedLength = 16 * 1024;
    private const uint SmallProtectedLength = 8 * 1024;

    // A thread that somebody else has made, or one whose stack the system does not tell, is taken for one of 8 MiB.
    private const uint LargeStack = PolicyThread.StackSize - (PolicyThread.StackSize / 8);

    [ThreadStatic]
    private static long t_slice;

    [ThreadStatic]
    private static nuint t_stackLimit;

    [ThreadStatic]
    private static nuint t_protectedLimit;

    /// <summary>One turn of a loop, or a jump backwards.</summary>
    /// <exception cref="ScriptLimitException">The run has used up its budget.</exception>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void Loop()
    {
        if (--t_slice < 0)
            t_slice = ScriptMeter.NextSlice(t_slice);
    }

    /// <summary>Entry of a method that calls others.</summary>
    /// <exception cref="ScriptLimitException">The run has used up its budget, or is nested too deeply: endless recursion.</exception>
    public static unsafe void Enter()
    {
        byte here;
        if ((nuint)(&here) < t_stackLimit)
            ScriptMeter.StackIsFull();

        if (--t_slice < 0)
            t_slice = ScriptMeter.NextSlice(t_slice);
    }

    /// <summary>Entry of a method that has catch or finally blocks and calls others.</summary>
    /// <exception cref="ScriptLimitException">The run has used up its budget, or is nested too deeply for what such blocks need.</exception>
    public static unsafe void EnterProtected()
    {
        byte here;
        if ((nuint)(&here) < t_protectedLimit)
            ScriptMeter.StackIsFull();

        if (--t_slice < 0)
            t_slice = ScriptMeter.NextSlice(t_slice);
    }

    /// <summary>Start of a catch block: throwing and catching costs the CPU as much as hundreds of turns.</summary>
    /// <exception cref="ScriptLimitException">The run has used up its budget.</exception>
    public static void Caught()
    {
        t_slice -= CatchCost;
        if (t_slice < 0)
            t_slice = ScriptMeter.NextSlice(t_slice);
    }

    /// <summary>Creation of an array.</summary>
    /// <param name="length">Wanted length.</param>
    /// <returns>The same length.</returns>
    /// <exception cref="ScriptLimitException">The array alone has more elements than the budget has bytes.</exception>
    public static nint NewArray(nint length)
    {
        ScriptMeter.CheckArray(length);
        return length;
    }

    /// <summary>Memory taken from the stack.</summary>
    /// <param name="length">Wanted bytes.</param>
    /// <returns>The same number.</returns>
    /// <exception cref="ScriptLimitException">The run's part of the stack does not have as much.</exception>
    public static unsafe nuint StackMemory(nuint length)
    {
        byte here;
        var free = (nuint)(&here) - t_stackLimit;
        if (length > StackLength || (nuint)(&here) < t_stackLimit || length > free)
            ScriptMeter.StackIsFull();

        return length;
    }

    /// <summary>Starts a run from the caller's place on the stack.</summary>
    /// <param name="slice">Steps that it may make before it looks at the thread's budget.</param>
    internal static unsafe void Begin(long slice)
    {
        // The stack that a run may use must be there; how much of it the thread has in all does not matter.
        RuntimeHelpers.EnsureSufficientExecutionStack();
        byte here;
        t_slice = slice;
        var isLarge = StackBounds.Free() >= LargeStack;
        t_stackLimit = (nuint)(&here) - (isLarge ? StackLength : SmallStackLength);
        t_protectedLimit = (nuint)(&here) - (isLarge ? ProtectedLength : SmallProtectedLength);
    }

    /// <summary>Ends the run: what is called outside of one may stand anywhere on the stack.</summary>
    internal static void End()
    {
        t_slice = 0;
        t_stackLimit = 0;
        t_protectedLimit = 0;
    }

    /// <summary>Makes the next call look at the thread's budget.</summary>
    internal static void Restart() => t_slice = 0;
}
