using Kvmi.Protocol;

namespace Kvmi.Simulator.Kernel;

/// <summary>
/// Habits in which the kernel of rfc-v5 differs from the later ones. The defaults are the later kernels'. Immutable and shared by
/// all threads.
/// </summary>
internal sealed record KernelTraits
{
    /// <summary>The kernels after rfc-v5.</summary>
    public static readonly KernelTraits Later = new();

    /// <summary>Answer to a command that the administrator forbids.</summary>
    public KvmiError ForbiddenCommand { get; init; } = KvmiError.NotPermitted;

    /// <summary>True when READ_PHYSICAL and WRITE_PHYSICAL outside the limits of one page end the connection.</summary>
    public bool BadRangeCloses { get; init; }

    /// <summary>Answer of READ_PHYSICAL and WRITE_PHYSICAL where there is no memory.</summary>
    public KvmiError UnbackedMemory { get; init; } = KvmiError.NoEntry;

    /// <summary>True when access rights of frames without memory are remembered, and GET_PAGE_ACCESS tells them.</summary>
    public bool RemembersUnbackedPages { get; init; }

    /// <summary>True when a page may be writable without being readable.</summary>
    public bool AllowsWriteWithoutRead { get; init; } = true;

    /// <summary>True when accesses of the CPU's own page walk to a restricted frame are reported.</summary>
    public bool ReportsPageWalks { get; init; } = true;

    /// <summary>True when a page-fault answer leaves data for this and later reads, and can ask for a single step (rfc-v5 4.7).</summary>
    public bool TracksReads { get; init; }

    /// <summary>True when a page-fault reply of the wrong size leaves 256 stale bytes for reads.</summary>
    public bool ServesStaleBytes { get; init; }

    /// <summary>Answer to SET_REGISTERS while no event waits; the registers are dropped.</summary>
    public KvmiError LateRegisters { get; init; } = KvmiError.NotSupported;

    /// <summary>True when registers that the tool has set hold also after an event that was never answered.</summary>
    public bool KeepsRegistersWithoutReply { get; init; }

    /// <summary>True when INJECT_EXCEPTION takes anything, the last one before the guest runs wins, and TRAP tells only of a lost one (rfc-v5 3.10, 4.8).</summary>
    public bool ReportsLostInjections { get; init; }

    /// <summary>Highest vector that INJECT_EXCEPTION takes.</summary>
    public byte MaxInjectedVector { get; init; } = 31;

    /// <summary>True when a CR or MSR write that is not continued gives the guest #GP; false keeps the old value.</summary>
    public bool RefusedWriteFaults { get; init; }

    /// <summary>True when XSETBV and hypercalls are carried out whatever the tool answers.</summary>
    public bool SomeEventsOnlyTell { get; init; }

    /// <summary>True when a reply that names another event than the one waited for fails the event; false only logs it.</summary>
    public bool ChecksReplyEvent { get; init; }

    /// <summary>True when loads of CR3 can be intercepted.</summary>
    public bool InterceptsCr3 { get; init; } = true;

    /// <summary>True when GET_GUEST_INFO tells the speed of the time-stamp counter, where its reply has it.</summary>
    public bool HasTscScaling { get; init; } = true;

    /// <summary>Distance of the ids that events name from vCPU to vCPU.</summary>
    public int VcpuIdStride { get; init; } = 1;
}
