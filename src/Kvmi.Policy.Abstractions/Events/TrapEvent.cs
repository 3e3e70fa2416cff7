using Kvmi.Protocol.Events;
using Kvmi.Protocol.Registers;

namespace Kvmi.Policy;

/// <summary>
/// An exception that a policy injected was delivered, or another one displaced it (YAML <c>event: trap</c>). Legal decisions: allow, crash.
/// </summary>
/// <remarks>
/// v7, v11 and v12 send one for every injection; rfc-v5 only when something else than the injected exception is delivered, and vector 0 there may
/// mean that nothing is (kvmi-later-dialects.md 3.8, kvmi-rfc-v5.md 4.8). A view over the receive buffer: it cannot be stored, and it is valid only
/// while the handler runs.
/// </remarks>
public readonly ref struct TrapEvent : IGuestEvent
{
    private readonly EventFrame _frame;

    /// <summary>Wraps a received event of the matching kind; the engine does this.</summary>
    public TrapEvent(EventFrame frame) => _frame = frame;

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

    /// <summary>Vector that the guest really gets, 0 to 31; it differs from the injected one when another exception won.</summary>
    public int Vector => _frame.Vector;

    /// <summary>Error code that goes with it; 0 where the vector has none.</summary>
    public uint ErrorCode => _frame.ErrorCode;

    /// <summary>CR2: the faulting address of a #PF.</summary>
    public ulong Address => _frame.TrapAddress;
}
