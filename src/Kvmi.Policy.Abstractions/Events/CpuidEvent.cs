using Kvmi.Protocol.Events;
using Kvmi.Protocol.Registers;

namespace Kvmi.Policy;

/// <summary>
/// CPUID is about to be carried out (YAML <c>event: cpuid</c>; v7 kernels from December 2020 on). Legal decisions: allow, crash: the kernel carries
/// CPUID out after every answer that it supports, and writes its own values over edits of EAX, EBX, ECX and EDX (kvmi-later-dialects.md 4.3).
/// </summary>
/// <remarks>A view over the receive buffer: it cannot be stored, and it is valid only while the handler runs.</remarks>
public readonly ref struct CpuidEvent : IGuestEvent
{
    private readonly EventFrame _frame;

    /// <summary>Wraps a received event of the matching kind; the engine does this.</summary>
    public CpuidEvent(EventFrame frame) => _frame = frame;

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

    /// <summary>The leaf that the guest asks for: EAX.</summary>
    public uint Function => _frame.CpuidFunction;

    /// <summary>The sub-leaf: ECX.</summary>
    public uint Index => _frame.CpuidIndex;

    /// <summary>Length of the instruction in bytes.</summary>
    public int InstructionLength => _frame.InstructionLength;
}
