namespace Kvmi.Session.Placement;

/// <summary>The machine does not allow a <see cref="ThreadPlacement"/>. The message says why and what to do.</summary>
public sealed class ThreadPlacementException : Exception
{
    /// <summary>Makes the exception.</summary>
    public ThreadPlacementException(string message)
        : base(message)
    {
    }
}
