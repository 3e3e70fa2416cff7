using System.Runtime.ExceptionServices;

namespace Kvmi.Policy.Engine.Containment.Metering;

/// <summary>A thread with the stack that the thread of a VM has, so that a policy may recurse as deeply under test as in service.</summary>
public static class PolicyThread
{
    /// <summary>Bytes of stack; only what is used takes memory. The thread of a VM (Kvmi.Session) and that of a worker have as much.</summary>
    public const int StackSize = 16 << 20;

    /// <summary>Runs code on such a thread and waits for its end.</summary>
    /// <typeparam name="T">What the code gives.</typeparam>
    /// <param name="code">The code; what it throws is thrown to the caller.</param>
    /// <returns>What the code gave.</returns>
    public static T Run<T>(Func<T> code)
    {
        TryRun(code, Timeout.InfiniteTimeSpan, out var result);
        return result!;
    }

    /// <summary>Runs code on such a thread and waits for its end, no longer than a limit.</summary>
    /// <typeparam name="T">What the code gives.</typeparam>
    /// <param name="code">The code; what it throws is thrown to the caller.</param>
    /// <param name="limit">How long it may take; <see cref="Timeout.InfiniteTimeSpan"/> for ever.</param>
    /// <param name="result">What the code gave; the default when it did not end.</param>
    /// <returns>False when it did not end: its thread is given up, and ends only with the code or the process.</returns>
    public static bool TryRun<T>(Func<T> code, TimeSpan limit, out T? result)
    {
        ArgumentNullException.ThrowIfNull(code);
        var call = new Call<T>(code);
        var thread = new Thread(call.Run, StackSize) { IsBackground = true, Name = "policies" };
        thread.Start();
        result = default;
        if (!thread.Join(limit))
        {
            return false;
        }

        call.Failure?.Throw();
        result = call.Result;
        return true;
    }

    private sealed class Call<T>(Func<T> code)
    {
        public T? Result { get; private set; }

        public ExceptionDispatchInfo? Failure { get; private set; }

        public void Run()
        {
            try
            {
                Result = code();
            }
            catch (Exception exception)
            {
                Failure = ExceptionDispatchInfo.Capture(exception);
            }
        }
    }
}
