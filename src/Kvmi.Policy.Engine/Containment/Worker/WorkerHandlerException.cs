namespace Kvmi.Policy.Engine.Containment.Worker;

/// <summary>A policy in a worker gave no answer that counts. <see cref="Exception.Message"/> says why, to follow "it".</summary>
internal sealed class WorkerHandlerException : Exception
{
    /// <summary>Makes the exception.</summary>
    /// <param name="problem">What it did.</param>
    /// <param name="isAway">True: the worker is being restarted, which is no further error of the policy.</param>
    /// <param name="isLate">True: it has passed its deadline.</param>
    public WorkerHandlerException(string problem, bool isAway = false, bool isLate = false)
        : base(problem) => (IsAway, IsLate) = (isAway, isLate);

    /// <summary>The worker is being restarted: its death was counted when it happened.</summary>
    public bool IsAway { get; }

    /// <summary>It has passed its deadline, which is more than an error.</summary>
    public bool IsLate { get; }
}
