namespace Kvmi.Policy.Engine.Containment.Worker;

/// <summary>A worker process could not be started, or not be confined. The message says what was refused, to follow "because".</summary>
internal sealed class WorkerStartException : Exception
{
    /// <summary>Makes the exception.</summary>
    public WorkerStartException(string message)
        : base(message)
    {
    }
}
