using Kvmi.Protocol.Commands;
using Kvmi.Protocol.Registers;

namespace Kvmi.Simulator.Machine;

/// <summary>
/// One vCPU. It has no thread of its own: whoever calls <see cref="Run"/> lends it one, as a VMM does with KVM_RUN.
/// </summary>
/// <remarks>
/// <para>
/// One thread at a time may use a vCPU; only <see cref="Kick"/> and <see cref="Traps"/> may be used from others while it runs.
/// </para>
/// <para>
/// At an exit that intercepts an instruction, RIP is at that instruction and nothing of it has happened. The caller may then
/// change registers and either call the Complete method of that exit, or call <see cref="Run"/> at once: then the
/// vCPU executes again from where RIP is (RETRY). An instruction that is completed ends at the current RIP plus its own length, also
/// when the caller has moved RIP: that is what KVM does. A Complete method acts at once, so the state read after it is the new one;
/// what it makes pending (an exception) is delivered by the next <see cref="Run"/>.
/// </para>
/// <para>No guest state, however absurd, makes a member throw; the guest gets an exception, in the last resort a shutdown.</para>
/// </remarks>
public interface IVcpu
{
    /// <summary>Number of this vCPU, from 0.</summary>
    int Index { get; }

    /// <summary>What this vCPU reports.</summary>
    IVcpuTraps Traps { get; }

    /// <summary>
    /// False from hot-plug until the guest starts this vCPU: an application processor that waits for its INIT and startup IPI. Its registers are those
    /// of power-up until then. Any thread.
    /// </summary>
    bool IsInitialized { get; }

    /// <summary>
    /// Runs the guest until something happens. For a vCPU that is not initialised it blocks until the guest starts it
    /// (<see cref="VcpuExitKind.Started"/>, nothing executed yet), a kick, or the end of the machine, as KVM_RUN does.
    /// </summary>
    /// <param name="budget">Most instructions to execute before <see cref="VcpuExitKind.Budget"/>; at least 1.</param>
    /// <returns>Why it came back.</returns>
    VcpuExit Run(long budget);

    /// <summary>
    /// Makes the current, else the next, <see cref="Run"/> return <see cref="VcpuExitKind.Kicked"/> soon. Any thread; several kicks
    /// before the return count as one. Any other exit that is due first leaves the kick pending.
    /// </summary>
    void Kick();

    /// <summary>The views of memory as this vCPU uses them; null without <see cref="MachineFeatures.Views"/>.</summary>
    IVcpuViews? Views { get; }

    /// <summary>Reads mode, current view, general and special registers and the nine MSRs of an event.</summary>
    void GetState(out VcpuState state);

    /// <summary>Replaces the general registers, RIP and RFLAGS. Reserved flag bits are forced to their fixed values.</summary>
    void SetGeneralRegisters(in KvmRegs registers);

    /// <summary>Reads an MSR.</summary>
    /// <returns>False when the machine has no such MSR.</returns>
    bool TryGetMsr(uint msr, out ulong value);

    /// <summary>Writes an MSR as the hypervisor, without a trap.</summary>
    /// <returns>False when there is no such MSR, or it does not take this value.</returns>
    bool TrySetMsr(uint msr, ulong value);

    /// <summary>Reads an extended control register.</summary>
    /// <returns>False when there is no such register.</returns>
    bool TryGetXcr(int xcr, out ulong value);

    /// <summary>Copies the XSAVE area.</summary>
    /// <param name="area">At least 4096 bytes.</param>
    /// <returns>The number of bytes written.</returns>
    /// <exception cref="ArgumentException"><paramref name="area"/> is too small.</exception>
    int GetXsave(Span<byte> area);

    /// <summary>Replaces the XSAVE area; a short one replaces its beginning.</summary>
    /// <returns>False when the CPU does not take it (longer than 4096 bytes, or a state component that XCR0 has not enabled).</returns>
    bool TrySetXsave(ReadOnlySpan<byte> area);

    /// <summary>Gives the memory type (6: write back) of the page that contains an address.</summary>
    byte GetMtrrType(ulong gpa);

    /// <summary>Gives a CPUID leaf as the guest would see it now.</summary>
    /// <returns>False when there is no such leaf.</returns>
    bool TryGetCpuid(uint function, uint index, out CpuidReply reply);

    /// <summary>Translates with the current page tables, as a read by the kernel would be, without any side effect on the guest.</summary>
    /// <returns>False when the address is not mapped.</returns>
    bool TryTranslate(ulong gva, out ulong gpa);

    /// <summary>True while an exception of <see cref="TryInjectException"/> has not been reported by an exit.</summary>
    bool IsInjectionPending { get; }

    /// <summary>
    /// Asks for an exception on the next entry. The next <see cref="Run"/> then returns <see cref="VcpuExitKind.Exception"/> first; it names the
    /// exception that the guest really gets: another one if the completion of an exit had already made one pending.
    /// </summary>
    /// <param name="vector">0 to 31 without 2 (NMI).</param>
    /// <param name="errorCode">Pushed if the vector has an error code.</param>
    /// <param name="address">For #PF: CR2.</param>
    /// <returns>False when the vector is no exception, one is pending already, or the vCPU is not initialised.</returns>
    bool TryInjectException(byte vector, uint errorCode, ulong address);

    /// <summary>Completes <see cref="VcpuExitKind.CrWrite"/>: installs a value and goes past the instruction. A value that the CPU refuses
    /// raises #GP in the guest.</summary>
    /// <exception cref="InvalidOperationException">The last exit was another one, or it is completed already (all Complete methods).</exception>
    void CompleteCrWrite(ulong value);

    /// <summary>Completes <see cref="VcpuExitKind.MsrWrite"/>: installs a value and goes past the instruction. A value that the CPU refuses
    /// raises #GP in the guest.</summary>
    void CompleteMsrWrite(ulong value);

    /// <summary>Completes <see cref="VcpuExitKind.XcrWrite"/>: installs the guest's value and goes past the instruction.</summary>
    void CompleteXcrWrite();

    /// <summary>Completes <see cref="VcpuExitKind.Hypercall"/>: gives the guest a result and goes past the instruction.</summary>
    /// <param name="result">For RAX.</param>
    void CompleteHypercall(ulong result);

    /// <summary>Completes <see cref="VcpuExitKind.Breakpoint"/>: the guest gets its #BP.</summary>
    void CompleteBreakpoint();

    /// <summary>Completes <see cref="VcpuExitKind.Descriptor"/>: the instruction is carried out.</summary>
    void CompleteDescriptor();

    /// <summary>Completes <see cref="VcpuExitKind.Cpuid"/>: the instruction is carried out.</summary>
    void CompleteCpuid();

    /// <summary>
    /// Completes <see cref="VcpuExitKind.PageAccess"/>: the instruction at RIP is emulated, page access rights ignored for the page of the exit and, if the
    /// instruction came to this exit that way, of its exits before. Another page that it must not use makes the next
    /// <see cref="Run"/> return another such exit.
    /// If it is itself intercepted (MOV to CR, say), the next <see cref="Run"/> returns that exit.
    /// </summary>
    void CompletePageAccess();

    /// <summary>As <see cref="CompletePageAccess()"/>, but reads of data in a range see other bytes than memory holds.</summary>
    /// <param name="contextGva">Virtual address of the first replaced byte.</param>
    /// <param name="context">The bytes to see; at most 256.</param>
    void CompletePageAccess(ulong contextGva, ReadOnlySpan<byte> context);

    /// <summary>As <see cref="CompletePageAccess(ulong, ReadOnlySpan{byte})"/>, for an instruction with REP if so asked all rounds instead of one.</summary>
    /// <param name="contextGva">Virtual address of the first replaced byte.</param>
    /// <param name="context">The bytes to see; at most 256; empty for none.</param>
    /// <param name="wholeRepeat">
    /// True: until the count is used up, another page stops it, or something else wants the vCPU. A machine that cannot do so does one round.
    /// </param>
    void CompletePageAccess(ulong contextGva, ReadOnlySpan<byte> context, bool wholeRepeat) => CompletePageAccess(contextGva, context);

    /// <summary>
    /// As <see cref="CompletePageAccess()"/>, but reads of data from frames that may not be read get the next of these bytes instead of what memory
    /// holds, in the order of the reads. A read that finds too few gets what there is and memory for the rest.
    /// </summary>
    /// <param name="reads">The bytes to hand out.</param>
    /// <returns>How many were handed out.</returns>
    int CompletePageAccess(ReadOnlySpan<byte> reads);
}
