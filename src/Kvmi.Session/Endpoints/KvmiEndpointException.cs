namespace Kvmi.Session.Endpoints;

/// <summary>
/// An endpoint cannot be understood, or this environment does not let the tool listen on it. The message names the endpoint,
/// what is in the way and what to do, and is fit to be shown to the user as it stands.
/// </summary>
public sealed class KvmiEndpointException : Exception
{
    /// <summary>Makes the exception.</summary>
    public KvmiEndpointException(string message)
        : base(message)
    {
    }

    /// <summary>Makes the exception with what caused it.</summary>
    public KvmiEndpointException(string message, Exception innerException)
        : base(message, innerException)
    {
    }
}
