namespace Kvmi.Simulator;

/// <summary>
/// A wrong option or scenario, found before anything was connected. The message is one sentence for the user: where, what was
/// expected, what to do.
/// </summary>
public sealed class SimulatorException : Exception
{
    /// <summary>Makes the exception.</summary>
    /// <param name="message">One sentence for the user.</param>
    public SimulatorException(string message)
        : base(message)
    {
    }

    /// <summary>Makes the exception with its cause.</summary>
    /// <param name="message">One sentence for the user.</param>
    /// <param name="innerException">The cause.</param>
    public SimulatorException(string message, Exception innerException)
        : base(message, innerException)
    {
    }
}
