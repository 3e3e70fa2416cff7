namespace Kvmi.Session.Deadlines;

/// <summary>
/// The deadline of the call that is under way has passed, and its event was answered without it. Thrown where the handler asks for
/// something further; nothing was done. A handler that catches it and does not return soon loses its thread.
/// </summary>
public sealed class EventDeadlineException : Exception
{
    /// <summary>Makes the exception.</summary>
    public EventDeadlineException()
        : base("The deadline of this call has passed; its event was answered without it, and nothing further is done for it.")
    {
    }
}
