using System.Collections.Frozen;
using System.Globalization;
using Kvmi.Policy.Testing.Guests;
using Kvmi.Protocol;
using Kvmi.Protocol.Registers;
using Kvmi.Session.Vm;

namespace Kvmi.Policy.Testing.Replay;

/// <summary>
/// The VM of a capture. It answers from what was recorded: registers from the events, memory from recorded reads. Interceptions and
/// page rights are accepted, as they only say which events would come. Everything else is "not recorded" and fails.
/// </summary>
internal sealed class RecordedVm : IIntrospectedVm
{
    private readonly Dictionary<ushort, VcpuState> _states = [];
    private readonly List<string> _notRecorded = [];

    public RecordedVm(string name, KvmiDialect dialect, int vcpuCount)
    {
        VcpuCount = vcpuCount;
        Identity = new VmIdentity(name, Guid.Empty, null, name);
        Capabilities = new VmCapabilities
        {
            Dialect = dialect,
            Commands = Enum.GetValues<CommandKind>().ToFrozenSet(),
            Events = Enum.GetValues<EventKind>().ToFrozenSet(),
        };
    }

    public VmIdentity Identity { get; }

    public VmCapabilities Capabilities { get; }

    public int VcpuCount { get; }

    /// <summary>Memory as far as the capture read it.</summary>
    public FakeMemory Memory { get; } = new();

    /// <summary>Machine state of a vCPU as its last event told it.</summary>
    public void SetState(ushort vcpu, in VcpuState state) => _states[vcpu] = state;

    /// <summary>What could not be answered since the last call.</summary>
    public IReadOnlyList<string> TakeNotRecorded()
    {
        string[] taken = [.. _notRecorded];
        _notRecorded.Clear();
        return taken;
    }

    public KvmiError ControlVmEvents(EventKind kind, bool enable) => KvmiError.None;

    public KvmiError ControlEvents(ushort vcpu, EventKind kind, bool enable) => KvmiError.None;

    public KvmiError ControlCr(ushort vcpu, uint cr, bool enable) => KvmiError.None;

    public KvmiError ControlMsr(ushort vcpu, uint msr, bool enable) => KvmiError.None;

    public KvmiError SetPageAccess(ReadOnlySpan<PageAccessEntry> entries) => KvmiError.None;

    public KvmiError SetRegisters(ushort vcpu, in KvmRegs regs) => KvmiError.None;

    public KvmiError InjectException(ushort vcpu, byte vector, uint errorCode, ulong address) => KvmiError.None;

    public KvmiError ReadPhysical(ulong gpa, Span<byte> destination) =>
        Memory.TryRead(gpa, destination) ? KvmiError.None : Missing($"read of {destination.Length} bytes at 0x{gpa:x}", KvmiError.NoEntry);

    public KvmiError WritePhysical(ulong gpa, ReadOnlySpan<byte> source)
    {
        Memory.Write(gpa, source);
        return KvmiError.None;
    }

    public KvmiError GetRegisters(ushort vcpu, out VcpuState state, Span<MsrEntry> msrs)
    {
        if (!_states.TryGetValue(vcpu, out state))
        {
            return Missing($"registers of vcpu {vcpu}", KvmiError.TryAgain);
        }

        for (var i = 0; i < msrs.Length; i++)
        {
            msrs[i] = msrs[i] with { Value = TestMachine.MsrValue(in state.Msrs, msrs[i].Index) };
        }

        return KvmiError.None;
    }

    public KvmiError PauseVcpu(ushort vcpu, bool wait) => Missing($"pause of vcpu {vcpu}", KvmiError.NotSupported);

    public KvmiError GetMaxGfn(out ulong gfn)
    {
        gfn = 0;
        return Missing($"highest guest frame", KvmiError.NotSupported);
    }

    private KvmiError Missing(FormattableString what, KvmiError error)
    {
        _notRecorded.Add(what.ToString(CultureInfo.InvariantCulture));
        return error;
    }
}
