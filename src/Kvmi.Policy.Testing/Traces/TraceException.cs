namespace Kvmi.Policy.Testing.Traces;

/// <summary>A trace cannot be read: it is none, of a later version, or its records contradict themselves. The message names the place and says what to do.</summary>
public sealed class TraceException : Exception
{
    /// <summary>Makes an exception.</summary>
    /// <param name="message">What is wrong, where, what to do.</param>
    public TraceException(string message)
        : base(message)
    {
    }

    /// <summary>Makes an exception.</summary>
    /// <param name="message">What is wrong, where, what to do.</param>
    /// <param name="inner">The cause.</param>
    public TraceException(string message, Exception inner)
        : base(message, inner)
    {
    }
}
