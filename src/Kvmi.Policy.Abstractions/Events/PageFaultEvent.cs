using Kvmi.Protocol;
using Kvmi.Protocol.Events;
using Kvmi.Protocol.Registers;

namespace Kvmi.Policy;

/// <summary>An access that a watched page forbids (YAML <c>event: pf</c>). Legal decisions: allow (the access is emulated), retry, skip, inject, crash.</summary>
/// <remarks>A view over the receive buffer: it cannot be stored, and it is valid only while the handler runs.</remarks>
public readonly ref struct PageFaultEvent : IGuestEvent
{
    private readonly EventFrame _frame;

    /// <summary>Wraps a received event of the matching kind; the engine does this.</summary>
    public PageFaultEvent(EventFrame frame) => _frame = frame;

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

    /// <summary>Guest-virtual address; all ones when the hardware did not tell it.</summary>
    public ulong Gva => _frame.Gva;

    /// <summary>Guest-physical address.</summary>
    public ulong Gpa => _frame.Gpa;

    /// <summary>Access that was tried.</summary>
    public PageAccess Access => _frame.Access;
}
