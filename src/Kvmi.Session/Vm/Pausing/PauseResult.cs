using Kvmi.Protocol;

namespace Kvmi.Session.Vm.Pausing;

/// <summary>What <see cref="IIntrospectedVm.PauseAll"/> reached.</summary>
public sealed record PauseResult
{
    /// <summary>The vCPUs that stand: each of them waits for an answer of this tool. In ascending order.</summary>
    public required IReadOnlyList<ushort> Stopped { get; init; }

    /// <summary>vCPUs that are not initialised yet (the kernel says −EAGAIN): they run nothing, and no PAUSE event can be waited for.</summary>
    public required IReadOnlyList<ushort> NotStarted { get; init; }

    /// <summary>vCPUs that refused, or whose event did not come in time. They may be running.</summary>
    public required IReadOnlyList<ushort> Missing { get; init; }

    /// <summary>The first error code that a pause command got other than −EAGAIN; None when all were accepted.</summary>
    public KvmiError Error { get; init; }

    /// <summary>True when no vCPU can be running.</summary>
    public bool IsComplete => Missing.Count == 0;
}
