using Kvmi.Protocol.Events;
using Kvmi.Protocol.Registers;

namespace Kvmi.Policy;

/// <summary>XSETBV was executed (YAML <c>event: xsetbv</c>); v7 and rfc-v5 tell no values. Legal decisions: allow, inject, crash.</summary>
/// <remarks>A view over the receive buffer: it cannot be stored, and it is valid only while the handler runs.</remarks>
public readonly ref struct XsetbvEvent : IGuestEvent
{
    private readonly EventFrame _frame;

    /// <summary>Wraps a received event of the matching kind; the engine does this.</summary>
    public XsetbvEvent(EventFrame frame) => _frame = frame;

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

    /// <summary>True where the dialect tells register and values (v11, v12); otherwise <see cref="Xcr"/>, <see cref="Old"/> and
    /// <see cref="New"/> are 0.</summary>
    public bool HasValues => _frame.HasXsetbvValues;

    /// <summary>Number of the extended control register; 0 is the only one that exists today.</summary>
    public int Xcr => _frame.Xcr;

    /// <summary>Value before the write.</summary>
    public ulong Old => _frame.OldValue;

    /// <summary>Value that the guest writes.</summary>
    public ulong New => _frame.NewValue;
}
