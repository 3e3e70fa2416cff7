namespace Kvmi.Simulator.Kernel;

/// <summary>What a job for a vCPU is.</summary>
internal enum VcpuJobKind
{
    /// <summary>A command.</summary>
    Command = 0,

    /// <summary>The answer to an event.</summary>
    EventReply = 1,

    /// <summary>A request to pause.</summary>
    Pause = 2,
}
