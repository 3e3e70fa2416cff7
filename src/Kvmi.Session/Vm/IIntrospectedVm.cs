using Kvmi.Protocol;
using Kvmi.Protocol.Registers;
using Kvmi.Session.Deadlines;

namespace Kvmi.Session.Vm;

/// <summary>
/// An attached VM as the tool sees it. Every command is synchronous and belongs to the VM's owner thread: while one waits
/// for its answer, it reads the same socket and queues the events of other vCPUs.
/// <para>
/// What a command gives back is the kernel's error code, also when the VM's administrator forbids the command
/// (<see cref="KvmiError.NotPermitted"/>, in rfc-v5 <see cref="KvmiError.AccessDenied"/>). A command that the dialect of the VM
/// does not have at all throws <see cref="Kvmi.Protocol.Dialects.CommandNotInDialectException"/> and sends nothing;
/// <see cref="VmCapabilities.Commands"/> tells beforehand. A lost connection or a stop request throws
/// <see cref="VmConnectionLostException"/>, which the session catches. A call from another thread throws
/// <see cref="InvalidOperationException"/>.
/// </para>
/// <para>
/// Single commands and reads of memory allocate nothing in the steady state. Batches and <see cref="PauseAll"/> do.
/// The members with a body are for stand-ins (a recorded VM, a test): they say that the dialect has no such command.
/// </para>
/// </summary>
public partial interface IIntrospectedVm
{
    /// <summary>Who the VM is.</summary>
    VmIdentity Identity { get; }

    /// <summary>What it offers.</summary>
    VmCapabilities Capabilities { get; }

    /// <summary>
    /// Number of vCPUs: what GET_VM_INFO said at connect, and more as soon as an event (CREATE_VCPU as a rule, which the handler gets
    /// like any other) names a vCPU beyond it, or <see cref="RefreshVcpuCount"/> is told of one. It never shrinks.
    /// </summary>
    int VcpuCount { get; }

    /// <summary>For handlers that lend their thread themselves (<see cref="IVmHandler.LendsThread"/>); null where nothing has a deadline.</summary>
    VmCustody? Custody => null;

    /// <summary>
    /// Switches a VM event on or off. In rfc-v5, where the command replaces the whole set, the other events stay as they were last set.
    /// </summary>
    /// <returns><see cref="KvmiError.NotSupported"/>, without asking the VM, when the dialect has no such event.</returns>
    KvmiError ControlVmEvents(EventKind kind, bool enable);

    /// <summary>
    /// Switches a vCPU event on or off. In rfc-v5, where the command replaces the whole set, the vCPU's other events stay as they were
    /// last set.
    /// </summary>
    /// <returns><see cref="KvmiError.NotSupported"/>, without asking the VM, when the dialect has no such event.</returns>
    KvmiError ControlEvents(ushort vcpu, EventKind kind, bool enable);

    /// <summary>Intercepts writes to CR0, CR3 or CR4, or stops doing so. The CR event has to be on as well.</summary>
    KvmiError ControlCr(ushort vcpu, uint cr, bool enable);

    /// <summary>Intercepts writes to an MSR, or stops doing so. The MSR event has to be on as well.</summary>
    KvmiError ControlMsr(ushort vcpu, uint msr, bool enable);

    /// <summary>
    /// Restricts the access to pages of the default view, for the whole VM. Longer lists are split over several messages, which leave
    /// together; the first error is the result, and other entries may have been applied all the same.
    /// </summary>
    KvmiError SetPageAccess(ReadOnlySpan<PageAccessEntry> entries);

    /// <summary>
    /// Reads guest-physical memory. It is split at page borders; the pages are asked for together. On an error the destination holds
    /// no usable bytes.
    /// </summary>
    /// <returns>The error of the first page that could not be read.</returns>
    KvmiError ReadPhysical(ulong gpa, Span<byte> destination);

    /// <summary>Writes guest-physical memory, page by page. On an error earlier pages have been written, later ones have not.</summary>
    KvmiError WritePhysical(ulong gpa, ReadOnlySpan<byte> source);

    /// <summary>
    /// Reads the registers of a vCPU, at any time. Inside an event of that vCPU they are those of the event; a
    /// <see cref="SetRegisters"/> that waits for the event's reply does not show yet. Outside an event the vCPU is kicked out of the
    /// guest for the answer and goes on at once, so the values may be old when they arrive.
    /// </summary>
    /// <param name="vcpu">vCPU index.</param>
    /// <param name="state">Mode, registers; its MSR block is filled from <paramref name="msrs"/> only where they coincide.</param>
    /// <param name="msrs">MSRs wanted: index in, value out. One that cannot be read fails the whole command.</param>
    /// <exception cref="ArgumentException">More MSRs than the reply of this dialect can carry.</exception>
    KvmiError GetRegisters(ushort vcpu, out VcpuState state, Span<MsrEntry> msrs);

    /// <summary>
    /// Sets the general registers, RIP and RFLAGS of a vCPU that waits in an event (a PAUSE event will do). They are installed when the
    /// event is answered; until then <see cref="GetRegisters"/> shows the old ones, and a further call replaces the first.
    /// </summary>
    /// <returns>
    /// <see cref="KvmiError.NotSupported"/>, without asking the VM, when the vCPU waits in no event: v7, v11 and v12 kernels would answer
    /// exactly that, an rfc-v5 kernel would say yes and drop the registers (rfc-v5 3.4).
    /// </returns>
    KvmiError SetRegisters(ushort vcpu, in KvmRegs regs);

    /// <summary>
    /// Delivers an exception when the vCPU goes on. In v7, v11 and v12 a TRAP event reports what was really delivered and has to be
    /// allowed; in rfc-v5 it comes only when something else was delivered, and only if it is on.
    /// </summary>
    KvmiError InjectException(ushort vcpu, byte vector, uint errorCode, ulong address);

    /// <summary>
    /// Stops one vCPU; one PAUSE event of it follows and goes to the handler. To stop all of them and know that they stand, there is
    /// <see cref="PauseAll"/>.
    /// </summary>
    /// <param name="vcpu">vCPU index.</param>
    /// <param name="wait">Answer only after the vCPU has left the guest; the event comes later than that in either case.</param>
    /// <returns>
    /// <see cref="KvmiError.NotPermitted"/> when the PAUSE event is forbidden; in v7 without asking the VM, whose kernel would end the
    /// connection (kvmi-later-dialects.md 4.1).
    /// </returns>
    KvmiError PauseVcpu(ushort vcpu, bool wait);

    /// <summary>
    /// First guest frame number that is not accessible. v12 and rfc-v5 do not have the command; <see cref="VmCapabilities.MaxGfn"/> then
    /// tells what the device manager said in its hello, if it did.
    /// </summary>
    KvmiError GetMaxGfn(out ulong gfn);
}
