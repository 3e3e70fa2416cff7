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
        ArgumentNullException.ThrowIfNull(code);
        T? result = default;
        ExceptionDispatchInfo? failure = null;
        var thread = new Thread(Call, StackSize) { IsBackground = true, Name = "policies" };
        thread.Start();
        thread.Join();
        failure?.Throw();
        return result!;

        void Call()
        {
            try
            {
                result = code();
            }
            catch (Exception exception)
            {
                failure = ExceptionDispatchInfo.Capture(exception);
            }
        }
    }
}
