namespace Kvmi.Protocol;

/// <summary>
/// What a command does, independent of the id that a dialect gives it on the wire
/// (kvmi-later-dialects.md 1.4 and 4.2).
/// </summary>
public enum CommandKind
{
    /// <summary>Protocol version and features.</summary>
    GetVersion,

    /// <summary>Is a command known and allowed?</summary>
    CheckCommand,

    /// <summary>Is an event known and allowed?</summary>
    CheckEvent,

    /// <summary>Number of vCPUs (GET_GUEST_INFO, VM_GET_INFO).</summary>
    GetVmInfo,

    /// <summary>TSC speed of a vCPU.</summary>
    GetVcpuInfo,

    /// <summary>Ask a vCPU to stop and send a PAUSE event.</summary>
    PauseVcpu,

    /// <summary>Switch a VM event on or off.</summary>
    ControlVmEvents,

    /// <summary>Switch a vCPU event on or off.</summary>
    ControlEvents,

    /// <summary>Intercept writes to CR0, CR3 or CR4.</summary>
    ControlCr,

    /// <summary>Intercept writes to one MSR.</summary>
    ControlMsr,

    /// <summary>Number reserved for #VE control (v7).</summary>
    ControlVe,

    /// <summary>Registers and a list of MSRs.</summary>
    GetRegisters,

    /// <summary>General registers, inside an event only.</summary>
    SetRegisters,

    /// <summary>One CPUID leaf.</summary>
    GetCpuid,

    /// <summary>The XSAVE area.</summary>
    GetXsave,

    /// <summary>Guest-physical read inside one page.</summary>
    ReadPhysical,

    /// <summary>Guest-physical write inside one page.</summary>
    WritePhysical,

    /// <summary>Inject an exception.</summary>
    InjectException,

    /// <summary>Restrict the access to pages.</summary>
    SetPageAccess,

    /// <summary>Token for remote mapping.</summary>
    GetMapToken,

    /// <summary>Memory type by MTRR.</summary>
    GetMtrrType,

    /// <summary>Sub-page protection on or off.</summary>
    ControlSpp,

    /// <summary>Sub-page write bitmap.</summary>
    SetPageWriteBitmap,

    /// <summary>Switch command responses on or off (v7).</summary>
    ControlCommandResponse,

    /// <summary>#VE information page.</summary>
    SetVeInfoPage,

    /// <summary>First inaccessible guest frame number.</summary>
    GetMaxGfn,

    /// <summary>Suppress-#VE bit of a page (v7 kernel).</summary>
    SetPageSve,

    /// <summary>Next free guest frame number (v7).</summary>
    GetNextAvailableGfn,

    /// <summary>Switch the EPT view of a vCPU.</summary>
    SwitchEptView,

    /// <summary>Switch #VE off.</summary>
    DisableVe,

    /// <summary>Current EPT view of a vCPU.</summary>
    GetEptView,

    /// <summary>Guest-virtual to guest-physical.</summary>
    TranslateGva,

    /// <summary>May the guest switch to a view?</summary>
    ControlEptView,

    /// <summary>An extended control register.</summary>
    GetXcr,

    /// <summary>Write the XSAVE area.</summary>
    SetXsave,

    /// <summary>Where a frame lies in the host's memory file (v7).</summary>
    QueryPhysical,

    /// <summary>Allocate a guest frame (v7).</summary>
    AllocGfn,

    /// <summary>Free a guest frame (v7).</summary>
    FreeGfn,

    /// <summary>Create an EPT view (v7).</summary>
    CreateEptView,

    /// <summary>Destroy an EPT view (v7).</summary>
    DestroyEptView,

    /// <summary>Map one guest frame to another (v7).</summary>
    ChangeGfn,

    /// <summary>Single-step a vCPU.</summary>
    ControlSinglestep,

    /// <summary>Keep or drop interceptions when the socket closes (v12).</summary>
    ControlCleanup,

    /// <summary>Read page access (rfc-v5).</summary>
    GetPageAccess,

    /// <summary>Pause every vCPU (rfc-v5).</summary>
    PauseAllVcpus,
}
