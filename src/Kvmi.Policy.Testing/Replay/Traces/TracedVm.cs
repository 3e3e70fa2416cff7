using System.Collections.Frozen;
using System.Globalization;
using Kvmi.Policy.Testing.Guests;
using Kvmi.Policy.Testing.Traces.Records;
using Kvmi.Protocol;
using Kvmi.Protocol.Dialects;
using Kvmi.Protocol.Registers;
using Kvmi.Session.Vm;

namespace Kvmi.Policy.Testing.Replay.Traces;

/// <summary>
/// The VM of a trace: the commands of policies are answered as they were answered then. What a policy asks for and the trace does not hold is
/// noted: memory that was not read, registers of another vCPU, and interceptions that were never on, because their events are not in the trace. What
/// a policy does to the guest is accepted, and has no effect on the events that follow.
/// </summary>
internal sealed class TracedVm : IIntrospectedVm
{
    private const int PageSize = 4096;
    private readonly RecordedCommands _commands;
    private readonly bool _loose;
    private readonly HashSet<string> _seen = new(StringComparer.Ordinal);
    private readonly List<string> _notRecorded = [];
    private VcpuState _state;
    private int _vcpu = -1;

    public TracedVm(TraceVm vm, Dialect dialect, RecordedCommands commands, bool loose)
    {
        (_commands, _loose) = (commands, loose);
        VcpuCount = Math.Max(1, vm.Vcpus);
        Identity = new VmIdentity(vm.Name, vm.Uuid, vm.StartTime, string.Create(CultureInfo.InvariantCulture, $"connection {vm.Connection} of the trace"));
        Capabilities = new VmCapabilities
        {
            Dialect = dialect.Id,
            Commands = Kinds<CommandKind>(vm.Commands),
            ForbiddenCommands = Kinds<CommandKind>(vm.ForbiddenCommands),
            AbsentCommands = Kinds<CommandKind>(vm.AbsentCommands),
            Events = Kinds<EventKind>(vm.Events),
            ForbiddenEvents = Kinds<EventKind>(vm.ForbiddenEvents),
            AbsentEvents = Kinds<EventKind>(vm.AbsentEvents),
            MaxPayload = vm.MaxPayload,
            Features = vm.Features,
            MaxGfn = vm.MaxGfn,
        };
    }

    public VmIdentity Identity { get; }

    public VmCapabilities Capabilities { get; }

    public int VcpuCount { get; private set; }

    /// <summary>An event begins.</summary>
    public void Begin(ushort vcpu, in VcpuState state)
    {
        (_vcpu, _state) = (vcpu, state);
        VcpuCount = Math.Max(VcpuCount, vcpu + 1);
    }

    /// <summary>The event is over.</summary>
    public void End()
    {
        _vcpu = -1;
        _commands.EndEvent();
    }

    /// <summary>What could not be answered since the last call, each thing once.</summary>
    public IReadOnlyList<string> TakeNotRecorded()
    {
        string[] taken = [.. _notRecorded];
        _notRecorded.Clear();
        _seen.Clear();
        return taken;
    }

    public KvmiError ControlVmEvents(EventKind kind, bool enable) =>
        Switch(new(CommandKind.ControlVmEvents, 0, (ulong)kind), enable, $"VM event {kind} was never switched on");

    public KvmiError ControlEvents(ushort vcpu, EventKind kind, bool enable) =>
        Switch(new(CommandKind.ControlEvents, vcpu, (ulong)kind), enable, $"event {kind} was never switched on for vcpu {vcpu}");

    public KvmiError ControlCr(ushort vcpu, uint cr, bool enable) =>
        Switch(new(CommandKind.ControlCr, vcpu, cr), enable, $"cr{cr} was never intercepted on vcpu {vcpu}");

    public KvmiError ControlMsr(ushort vcpu, uint msr, bool enable) =>
        Switch(new(CommandKind.ControlMsr, vcpu, msr), enable, $"msr 0x{msr:x} was never intercepted on vcpu {vcpu}");

    public KvmiError ControlSinglestep(ushort vcpu, bool enable) =>
        Switch(new(CommandKind.ControlSinglestep, vcpu, 0), enable, $"vcpu {vcpu} was never single-stepped");

    public KvmiError SetPageAccess(ReadOnlySpan<PageAccessEntry> entries)
    {
        var first = KvmiError.None;
        foreach (var entry in entries)
        {
            var error = Switch(
                new(CommandKind.SetPageAccess, 0, entry.Gpa / PageSize), entry.Access != PageAccess.All, $"page 0x{entry.Gpa & ~0xfffUL:x} was never restricted");
            first = first == KvmiError.None ? error : first;
        }

        return first;
    }

    public KvmiError ReadPhysical(ulong gpa, Span<byte> destination)
    {
        while (!destination.IsEmpty)
        {
            var count = Math.Min(destination.Length, PageSize - (int)(gpa % PageSize));
            var taken = _commands.TryTake(new(CommandKind.ReadPhysical, 0, gpa), out var error);
            if (taken && error != KvmiError.None)
            {
                return error;
            }

            if (!_commands.Memory.TryRead(gpa, destination[..count]))
            {
                return Missing($"memory: {count} bytes at 0x{gpa:x}", KvmiError.NoEntry);
            }

            destination = destination[count..];
            gpa += (ulong)count;
        }

        return KvmiError.None;
    }

    public KvmiError WritePhysical(ulong gpa, ReadOnlySpan<byte> source)
    {
        while (!source.IsEmpty)
        {
            var count = Math.Min(source.Length, PageSize - (int)(gpa % PageSize));
            if (!_commands.TryTake(new(CommandKind.WritePhysical, 0, gpa), out var error))
            {
                _commands.Memory.Override(gpa, source[..count]);
            }
            else if (error == KvmiError.None)
            {
                _commands.Memory.Store(gpa, source[..count]);
            }
            else
            {
                return error;
            }

            source = source[count..];
            gpa += (ulong)count;
        }

        return KvmiError.None;
    }

    public KvmiError SetRegisters(ushort vcpu, in KvmRegs regs)
    {
        _commands.TryTake(new(CommandKind.SetRegisters, vcpu, 0), out var error);
        return error;
    }

    public KvmiError InjectException(ushort vcpu, byte vector, uint errorCode, ulong address)
    {
        _commands.TryTake(new(CommandKind.InjectException, vcpu, vector), out var error);
        return error;
    }

    public KvmiError GetRegisters(ushort vcpu, out VcpuState state, Span<MsrEntry> msrs)
    {
        state = _state;
        if (vcpu != _vcpu)
        {
            state = default;
            return Missing($"registers of vcpu {vcpu}", KvmiError.TryAgain);
        }

        foreach (ref var msr in msrs)
        {
            if (!TestMachine.HasMsr(msr.Index))
            {
                return Missing($"msr 0x{msr.Index:x} of vcpu {vcpu}", KvmiError.InvalidArgument);
            }

            msr = msr with { Value = TestMachine.MsrValue(in state.Msrs, msr.Index) };
        }

        return KvmiError.None;
    }

    public KvmiError PauseVcpu(ushort vcpu, bool wait) => Missing($"pause of vcpu {vcpu}", KvmiError.NotSupported);

    public KvmiError GetMaxGfn(out ulong gfn)
    {
        gfn = Capabilities.MaxGfn ?? 0;
        return Capabilities.MaxGfn is null ? Missing($"highest guest frame", KvmiError.NotSupported) : KvmiError.None;
    }

    private KvmiError Switch(CommandSubject subject, bool enable, FormattableString never)
    {
        if (enable && !_commands.WasEverOn(subject))
        {
            Missing(never, KvmiError.None);
        }

        _commands.TryTake(subject, out var error);
        return error;
    }

    private KvmiError Missing(FormattableString what, KvmiError error)
    {
        if (!_loose && what.ToString(CultureInfo.InvariantCulture) is var text && _seen.Add(text))
        {
            _notRecorded.Add(text);
        }

        return error;
    }

    // Names that this version does not know are of no use to its policies.
    private static FrozenSet<T> Kinds<T>(IReadOnlyList<string> names)
        where T : struct, Enum =>
        names.Where(name => Enum.TryParse<T>(name, out var kind) && Enum.IsDefined(kind)).Select(Enum.Parse<T>).ToFrozenSet();
}
