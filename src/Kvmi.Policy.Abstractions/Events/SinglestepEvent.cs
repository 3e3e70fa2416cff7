using Kvmi.Protocol.Events;
using Kvmi.Protocol.Registers;

namespace Kvmi.Policy;

/// <summary>
/// One instruction was carried out on a vCPU that single-steps (YAML <c>event: singlestep</c>; v7, v11, v12). It goes to the policies that asked
/// for the step (<see cref="ISinglestepLeases"/>). Legal decisions: allow, crash.
/// </summary>
/// <remarks>A view over the receive buffer: it cannot be stored, and it is valid only while the handler runs.</remarks>
public readonly ref struct SinglestepEvent : IGuestEvent
{
    private readonly EventFrame _frame;

    /// <summary>Wraps a received event of the matching kind; the engine does this.</summary>
    public SinglestepEvent(EventFrame frame) => _frame = frame;

    /// <inheritdoc/>
    public EventFrame Frame => _frame;

    /// <inheritdoc/>
    public ushort Vcpu => _frame.Vcpu;

    /// <inheritdoc/>
    public ulong Rip => _frame.Regs.Rip;

    /// <inheritdoc/>
    public int Cpl => _frame.Sregs.Ss.Dpl & 3;

    /// <inheritdoc/>
    public ulong Cr3 => _frame.Sregs.Cr3;

    /// <inheritdoc/>
    public ref readonly KvmRegs Regs => ref _frame.Regs;

    /// <inheritdoc/>
    public ref readonly KvmSregs Sregs => ref _frame.Sregs;

    /// <summary>
    /// True when the kernel says that it cannot step this vCPU; stepping is off then, and no further step of this policy comes
    /// (kvmi-later-dialects.md 3.8).
    /// </summary>
    public bool Failed => _frame.SinglestepFailed;
}
