namespace Kvmi.Policy.Host.CommandLine;

/// <summary>The machine is not ready for what was asked. The message is one sentence for the user: what is missing and what to do.</summary>
internal sealed class HostEnvironmentException : Exception
{
    public HostEnvironmentException(string message)
        : base(message)
    {
    }

    public HostEnvironmentException(string message, Exception innerException)
        : base(message, innerException)
    {
    }
}
