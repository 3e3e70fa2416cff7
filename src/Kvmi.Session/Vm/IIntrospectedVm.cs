using Kvmi.Protocol;
using Kvmi.Protocol.Registers;

namespace Kvmi.Session.Vm;

/// <summary>
/// An attached VM as the tool sees it. Every command is synchronous and belongs to the VM's owner thread: while one waits
/// for its answer, it reads the same socket and queues the events of other vCPUs. Commands return the kernel's error code;
/// a lost connection or a stop request throws <see cref="VmConnectionLostException"/>, which the session catches.
/// No command allocates in the steady state.
/// </summary>
public interface IIntrospectedVm
{
    /// <summary>Who the VM is.</summary>
    VmIdentity Identity { get; }

    /// <summary>What it offers.</summary>
    VmCapabilities Capabilities { get; }

    /// <summary>Number of vCPUs at connect.</summary>
    int VcpuCount { get; }

    /// <summary>Switches a VM event on or off.</summary>
    KvmiError ControlVmEvents(EventKind kind, bool enable);

    /// <summary>Switches a vCPU event on or off.</summary>
    KvmiError ControlEvents(ushort vcpu, EventKind kind, bool enable);

    /// <summary>Intercepts writes to CR0, CR3 or CR4, or stops doing so.</summary>
    KvmiError ControlCr(ushort vcpu, uint cr, bool enable);

    /// <summary>Intercepts writes to an MSR, or stops doing so.</summary>
    KvmiError ControlMsr(ushort vcpu, uint msr, bool enable);

    /// <summary>Restricts the access to pages; longer lists are split over several messages. The first error is the result.</summary>
    KvmiError SetPageAccess(ReadOnlySpan<PageAccessEntry> entries);

    /// <summary>Reads guest-physical memory, page by page.</summary>
    KvmiError ReadPhysical(ulong gpa, Span<byte> destination);

    /// <summary>Writes guest-physical memory, page by page. On an error earlier pages may have been written.</summary>
    KvmiError WritePhysical(ulong gpa, ReadOnlySpan<byte> source);

    /// <summary>Reads the registers of a vCPU.</summary>
    /// <param name="vcpu">vCPU index.</param>
    /// <param name="state">Mode, registers; its MSR block is filled from <paramref name="msrs"/> only where they coincide.</param>
    /// <param name="msrs">MSRs wanted: index in, value out.</param>
    KvmiError GetRegisters(ushort vcpu, out VcpuState state, Span<MsrEntry> msrs);

    /// <summary>Sets the general registers; the vCPU must be waiting in an event.</summary>
    KvmiError SetRegisters(ushort vcpu, in KvmRegs regs);

    /// <summary>Delivers an exception when the vCPU goes on; a TRAP event reports what was really delivered.</summary>
    KvmiError InjectException(ushort vcpu, byte vector, uint errorCode, ulong address);

    /// <summary>Stops a vCPU; a PAUSE event follows.</summary>
    KvmiError PauseVcpu(ushort vcpu, bool wait);

    /// <summary>First guest frame number that is not accessible.</summary>
    KvmiError GetMaxGfn(out ulong gfn);
}
