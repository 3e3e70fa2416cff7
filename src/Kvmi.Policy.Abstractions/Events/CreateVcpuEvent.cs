using Kvmi.Protocol.Events;
using Kvmi.Protocol.Registers;

namespace Kvmi.Policy;

/// <summary>
/// A vCPU exists from now on and is about to enter the guest for the first time (YAML <c>event: create-vcpu</c>; v7, rfc-v5). The traps of all
/// policies are on it already. Legal decisions: allow, crash.
/// </summary>
/// <remarks>
/// The kernels send it for vCPUs that exist at the start too (kvmi-later-dialects.md 4.1, kvmi-rfc-v5.md 4.6). In v11 and v12 nothing tells of a new vCPU. A view over the
/// receive buffer: it cannot be stored, and it is valid only while the handler runs.
/// </remarks>
public readonly ref struct CreateVcpuEvent : IGuestEvent
{
    private readonly EventFrame _frame;

    /// <summary>Wraps a received event of the matching kind; the engine does this.</summary>
    public CreateVcpuEvent(EventFrame frame) => _frame = frame;

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
}
