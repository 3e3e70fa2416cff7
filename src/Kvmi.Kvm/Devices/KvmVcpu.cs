using System.Runtime.InteropServices;
using Kvmi.Kvm.Cpuid;
using Kvmi.Kvm.Debugging;
using Kvmi.Kvm.Native;
using Kvmi.Kvm.Running;
using Kvmi.Protocol.Registers;

namespace Kvmi.Kvm.Devices;

/// <summary>
/// A vCPU, owned by its VM. One thread at a time may use it: while <see cref="Run"/> has not returned every other call waits in
/// the kernel until the guest leaves.
/// </summary>
public sealed class KvmVcpu : IDisposable
{
    private readonly KernelDescriptor _descriptor;
    private readonly MappedMemory _run;

    internal KvmVcpu(int id, KernelDescriptor descriptor, MappedMemory run)
    {
        Id = id;
        _descriptor = descriptor;
        _run = run;
    }

    /// <summary>Number of the vCPU.</summary>
    public int Id { get; }

    /// <summary>
    /// Lets the guest run until it does something that the process has to see (KVM_RUN). There is no time limit: a guest that
    /// loops without leaving holds the thread. A signal to the thread does not end the call.
    /// </summary>
    /// <returns>Why it left.</returns>
    /// <exception cref="KvmException">The kernel could not run it.</exception>
    public KvmExit Run()
    {
        while (NativeMethods.Ioctl(_descriptor, KvmRequest.Run.Number, 0) < 0)
        {
            var errno = Marshal.GetLastPInvokeError();
            if (errno != Errno.Interrupted)
            {
                throw new KvmException(KvmRequest.Run.Name, errno);
            }
        }

        return RunPage.ReadExit(_run);
    }

    /// <summary>Gives the guest the value that it reads from a port or from memory that is not there; call it between two runs.</summary>
    /// <param name="value">As many bytes as the exit asked for.</param>
    /// <exception cref="InvalidOperationException">The last exit was no such read.</exception>
    /// <exception cref="ArgumentException">The length is another one.</exception>
    public void AnswerRead(ReadOnlySpan<byte> value) => RunPage.AnswerRead(_run, value);

    /// <summary>General registers (KVM_GET_REGS).</summary>
    /// <exception cref="KvmException">The kernel refused.</exception>
    public KvmRegs GetRegisters()
    {
        var registers = default(KvmRegs);
        KernelCall.Ioctl(_descriptor, KvmRequest.GetRegs, ref registers);
        return registers;
    }

    /// <summary>Sets the general registers (KVM_SET_REGS).</summary>
    /// <exception cref="KvmException">The kernel refused.</exception>
    public void SetRegisters(in KvmRegs registers)
    {
        var copy = registers;
        KernelCall.Ioctl(_descriptor, KvmRequest.SetRegs, ref copy);
    }

    /// <summary>Special registers (KVM_GET_SREGS).</summary>
    /// <exception cref="KvmException">The kernel refused.</exception>
    public KvmSregs GetSpecialRegisters()
    {
        var registers = default(KvmSregs);
        KernelCall.Ioctl(_descriptor, KvmRequest.GetSregs, ref registers);
        return registers;
    }

    /// <summary>Sets the special registers (KVM_SET_SREGS).</summary>
    /// <exception cref="KvmException">The kernel refused: EINVAL when the registers contradict each other.</exception>
    public void SetSpecialRegisters(in KvmSregs registers)
    {
        var copy = registers;
        KernelCall.Ioctl(_descriptor, KvmRequest.SetSregs, ref copy);
    }

    /// <summary>Sets what the guest's CPUID instruction answers (KVM_SET_CPUID2); before the first run.</summary>
    /// <param name="entries">The leaves, at most 1024.</param>
    /// <exception cref="KvmException">The kernel refused.</exception>
    public void SetCpuid(IReadOnlyList<CpuidEntry> entries)
    {
        ArgumentNullException.ThrowIfNull(entries);
        KernelCall.Ioctl(_descriptor, KvmRequest.SetCpuid2, CpuidTable.Encode(entries));
    }

    /// <summary>Starts, changes or stops the debugging of the guest (KVM_SET_GUEST_DEBUG). Replaces what was set before.</summary>
    /// <param name="debug">What to watch; <see cref="GuestDebug.Off"/> ends it.</param>
    /// <exception cref="ArgumentException">There are more breakpoints than registers, or one that the processor cannot hold.</exception>
    /// <exception cref="KvmException">The kernel refused: EBUSY when an exception waits already and another was to be injected.</exception>
    public void SetGuestDebug(GuestDebug debug)
    {
        ArgumentNullException.ThrowIfNull(debug);
        Span<byte> argument = stackalloc byte[GuestDebug.Length];
        debug.Write(argument);
        _ = KernelCall.Ioctl(_descriptor, KvmRequest.SetGuestDebug, argument);
    }

    /// <summary>Closes the vCPU. The VM does it for its own.</summary>
    public void Dispose()
    {
        _run.Dispose();
        _descriptor.Dispose();
    }
}
