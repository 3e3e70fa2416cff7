namespace Kvmi.Policy.Engine.Containment.Worker.Hosting;

/// <summary>Why a worker was ended while policies needed it.</summary>
internal enum WorkerEnd
{
    /// <summary>What it said makes no sense.</summary>
    Nonsense,

    /// <summary>It did not answer in time.</summary>
    Late,

    /// <summary>It was dead already.</summary>
    Dead,
}
