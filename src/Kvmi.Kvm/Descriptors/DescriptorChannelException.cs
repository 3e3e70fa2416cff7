namespace Kvmi.Kvm.Descriptors;

/// <summary>
/// Descriptors could not be sent, or the peer sent something else than was expected. What had arrived is closed. The message says what was
/// expected and what came.
/// </summary>
public sealed class DescriptorChannelException : Exception
{
    /// <summary>Makes the exception.</summary>
    public DescriptorChannelException(string message)
        : base(message)
    {
    }

    /// <summary>Makes the exception with what caused it.</summary>
    public DescriptorChannelException(string message, Exception innerException)
        : base(message, innerException)
    {
    }
}
