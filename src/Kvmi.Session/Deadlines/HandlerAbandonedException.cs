namespace Kvmi.Session.Deadlines;

/// <summary>
/// The calling thread came back after another one had taken its place. It may touch nothing any more; the exception unwinds it. Code that
/// lends a thread to others must let it pass.
/// </summary>
public sealed class HandlerAbandonedException : Exception
{
    /// <summary>Makes the exception.</summary>
    public HandlerAbandonedException()
        : base("This thread passed a deadline and was replaced; what it still wants to do is refused.")
    {
    }
}
