using Kvmi.Protocol.Events;
using Kvmi.Protocol.Registers;

namespace Kvmi.Policy;

/// <summary>A write to a controlled control register (YAML <c>event: cr</c>). Legal decisions: allow, keep, set, inject, crash.</summary>
/// <remarks>A view over the receive buffer: it cannot be stored, and it is valid only while the handler runs.</remarks>
public readonly ref struct CrEvent : IGuestEvent
{
    private readonly EventFrame _frame;

    /// <summary>Wraps a received event of the matching kind; the engine does this.</summary>
    public CrEvent(EventFrame frame) => _frame = frame;

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

    /// <summary>Number of the control register: 0, 3 or 4.</summary>
    public int Cr => _frame.Cr;

    /// <summary>Value before the write.</summary>
    public ulong Old => _frame.OldValue;

    /// <summary>Value that the guest writes.</summary>
    public ulong New => _frame.NewValue;

    /// <summary>Bits that differ between <see cref="Old"/> and <see cref="New"/>.</summary>
    public ulong Changed => Old ^ New;

    /// <summary>Bits that the write clears.</summary>
    public ulong Cleared => Old & ~New;
}
