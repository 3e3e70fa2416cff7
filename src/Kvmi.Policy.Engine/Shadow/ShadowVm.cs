using Kvmi.Protocol;
using Kvmi.Protocol.Registers;
using Kvmi.Session.Vm;

namespace Kvmi.Policy.Engine.Shadow;

/// <summary>
/// The VM as a shadow sees it: its events, and the memory that the live policies read for them. Whatever would change the guest is said to be done and
/// is not; page rights and traps say only which events would come. What it asks for and cannot get (other memory, registers of other vCPUs, writes) is
/// refused and counted, because the decision is then no sign of what the generation would do. For the shadow's thread; never touches the connection.
/// </summary>
internal sealed class ShadowVm(VmIdentity identity, VmCapabilities capabilities, int vcpus) : IIntrospectedVm
{
    private ushort _vcpu;
    private VcpuState _state;
    private ShadowSlot? _slot;

    public VmIdentity Identity { get; } = identity;

    public VmCapabilities Capabilities { get; } = capabilities;

    public int VcpuCount { get; private set; } = vcpus;

    /// <summary>What was asked for and refused since the event began.</summary>
    public int Missed { get; private set; }

    /// <summary>An event of a vCPU in this state begins.</summary>
    public void Begin(ushort vcpu, in VcpuState state, ShadowSlot slot)
    {
        _slot = slot;
        _vcpu = vcpu;
        _state = state;
        Missed = 0;
        VcpuCount = Math.Max(VcpuCount, vcpu + 1);
    }

    public KvmiError ControlVmEvents(EventKind kind, bool enable) => KvmiError.None;

    public KvmiError ControlEvents(ushort vcpu, EventKind kind, bool enable) => KvmiError.None;

    public KvmiError ControlCr(ushort vcpu, uint cr, bool enable) => KvmiError.None;

    public KvmiError ControlMsr(ushort vcpu, uint msr, bool enable) => KvmiError.None;

    public KvmiError SetPageAccess(ReadOnlySpan<PageAccessEntry> entries) => KvmiError.None;

    public KvmiError SetRegisters(ushort vcpu, in KvmRegs regs) => KvmiError.None;

    public KvmiError InjectException(ushort vcpu, byte vector, uint errorCode, ulong address) => KvmiError.None;

    public KvmiError ControlSinglestep(ushort vcpu, bool enable) => KvmiError.None;

    public KvmiError ReadPhysical(ulong gpa, Span<byte> destination) =>
        _slot is not null && _slot.TryRead(gpa, destination) ? KvmiError.None : Miss(KvmiError.TryAgain);

    public KvmiError WritePhysical(ulong gpa, ReadOnlySpan<byte> source) => Miss(KvmiError.NotPermitted);

    public KvmiError GetRegisters(ushort vcpu, out VcpuState state, Span<MsrEntry> msrs)
    {
        state = _state;
        return vcpu == _vcpu && msrs.IsEmpty ? KvmiError.None : Miss(KvmiError.TryAgain);
    }

    public KvmiError PauseVcpu(ushort vcpu, bool wait) => Miss(KvmiError.NotPermitted);

    public KvmiError GetMaxGfn(out ulong gfn)
    {
        gfn = 0;
        return Miss(KvmiError.NotPermitted);
    }

    private KvmiError Miss(KvmiError error)
    {
        Missed++;
        return error;
    }
}
