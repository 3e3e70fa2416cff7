using System.Collections.Frozen;
using System.Globalization;
using Kvmi.Protocol;
using Kvmi.Protocol.Dialects;
using Kvmi.Protocol.Registers;
using Kvmi.Session.Vm;

namespace Kvmi.Policy.Testing.Guests;

/// <summary>
/// A VM without a hypervisor, for tests of policies and plugins: every command works on memory, registers and page rights that the
/// test can set and look at. One thread at a time, as with a real VM.
/// </summary>
public sealed partial class FakeVm : IIntrospectedVm
{
    private readonly VcpuState[] _vcpus;
    private readonly Dictionary<ulong, PageAccess> _restricted = [];
    private readonly Dictionary<CommandKind, KvmiError> _errors = [];
    private readonly List<string> _commands = [];
    private readonly List<(ushort Vcpu, GuestException Exception)> _injected = [];

    /// <summary>Makes a VM of the v7 dialect that allows every command and event.</summary>
    /// <param name="vcpuCount">Number of vCPUs.</param>
    /// <param name="name">Name of the VM.</param>
    public FakeVm(int vcpuCount = 2, string name = "test")
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(vcpuCount, 1);
        _vcpus = new VcpuState[vcpuCount];
        Array.Fill(_vcpus, TestMachine.KernelState());
        Identity = new VmIdentity(name, Guid.Empty, null, "test");
    }

    /// <summary>Makes a VM of a dialect that allows every command and event which the dialect has.</summary>
    /// <param name="dialect">The dialect.</param>
    /// <param name="vcpuCount">Number of vCPUs.</param>
    /// <param name="name">Name of the VM.</param>
    /// <exception cref="NotSupportedException">This build does not speak the dialect.</exception>
    public static FakeVm OfDialect(KvmiDialect dialect, int vcpuCount = 2, string name = "test")
    {
        var wire = Dialect.Find(dialect) ?? throw new NotSupportedException($"This build does not speak the dialect {dialect}.");
        return new FakeVm(vcpuCount, name)
        {
            Capabilities = new VmCapabilities
            {
                Dialect = dialect,
                Commands = Enum.GetValues<CommandKind>().Where(kind => wire.TryGetCommandId(kind, out _)).ToFrozenSet(),
                Events = Enum.GetValues<EventKind>().Where(kind => wire.TryGetEventId(kind, out _)).ToFrozenSet(),
                MaxPayload = wire.MaxPayload,
            },
        };
    }

    /// <inheritdoc/>
    public VmIdentity Identity { get; init; }

    /// <inheritdoc/>
    public VmCapabilities Capabilities { get; init; } = new()
    {
        Dialect = KvmiDialect.V7,
        Commands = Enum.GetValues<CommandKind>().ToFrozenSet(),
        Events = Enum.GetValues<EventKind>().ToFrozenSet(),
    };

    /// <inheritdoc/>
    public int VcpuCount => _vcpus.Length;

    /// <summary>Guest-physical memory.</summary>
    public FakeMemory Memory { get; } = new();

    /// <summary>First guest frame number that is not accessible.</summary>
    public ulong MaxGfn { get; set; } = 1UL << 20;

    /// <summary>Every command since the start, as short text: <c>control-cr vcpu=0 cr=3 on</c>.</summary>
    public IReadOnlyList<string> Commands => _commands;

    /// <summary>Every exception that was injected.</summary>
    public IReadOnlyList<(ushort Vcpu, GuestException Exception)> Injected => _injected;

    /// <summary>Pages whose access is restricted, by guest-physical address.</summary>
    public IReadOnlyDictionary<ulong, PageAccess> RestrictedPages => _restricted;

    /// <summary>Machine state of a vCPU, to look at and to change.</summary>
    public ref VcpuState Vcpu(int vcpu) => ref _vcpus[vcpu];

    /// <summary>Access in force for the page that contains the address.</summary>
    public PageAccess AccessOf(ulong gpa) => _restricted.GetValueOrDefault(gpa & ~(FakeMemory.PageSize - 1UL), PageAccess.All);

    /// <summary>Lets a command fail from now on; <see cref="KvmiError.None"/> lets it work again.</summary>
    public void Fail(CommandKind command, KvmiError error) => _errors[command] = error;

    /// <inheritdoc/>
    public KvmiError ControlVmEvents(EventKind kind, bool enable) =>
        Answer(CommandKind.ControlVmEvents, $"control-vm-events {kind} {OnOff(enable)}");

    /// <inheritdoc/>
    public KvmiError ControlEvents(ushort vcpu, EventKind kind, bool enable) =>
        ForVcpu(vcpu, CommandKind.ControlEvents, $"control-events vcpu={vcpu} {kind} {OnOff(enable)}");

    /// <inheritdoc/>
    public KvmiError ControlCr(ushort vcpu, uint cr, bool enable) =>
        cr is 0 or 3 or 4
            ? ForVcpu(vcpu, CommandKind.ControlCr, $"control-cr vcpu={vcpu} cr={cr} {OnOff(enable)}")
            : KvmiError.InvalidArgument;

    /// <inheritdoc/>
    public KvmiError ControlMsr(ushort vcpu, uint msr, bool enable) =>
        ForVcpu(vcpu, CommandKind.ControlMsr, $"control-msr vcpu={vcpu} msr=0x{msr:x} {OnOff(enable)}");

    /// <inheritdoc/>
    public KvmiError SetPageAccess(ReadOnlySpan<PageAccessEntry> entries)
    {
        var error = Answer(CommandKind.SetPageAccess, $"set-page-access {entries.Length} pages");
        if (error != KvmiError.None)
        {
            return error;
        }

        foreach (var entry in entries)
        {
            var page = entry.Gpa & ~(FakeMemory.PageSize - 1UL);
            if (entry.Access == PageAccess.All)
            {
                _restricted.Remove(page);
            }
            else
            {
                _restricted[page] = entry.Access;
            }
        }

        return KvmiError.None;
    }

    /// <inheritdoc/>
    public KvmiError ReadPhysical(ulong gpa, Span<byte> destination)
    {
        var error = Answer(CommandKind.ReadPhysical, $"read-physical 0x{gpa:x} {destination.Length}");
        return error != KvmiError.None || Memory.TryRead(gpa, destination) ? error : KvmiError.NoEntry;
    }

    /// <inheritdoc/>
    public KvmiError WritePhysical(ulong gpa, ReadOnlySpan<byte> source)
    {
        var error = Answer(CommandKind.WritePhysical, $"write-physical 0x{gpa:x} {source.Length}");
        if (error == KvmiError.None)
        {
            Memory.Write(gpa, source);
        }

        return error;
    }

    /// <inheritdoc/>
    public KvmiError GetRegisters(ushort vcpu, out VcpuState state, Span<MsrEntry> msrs)
    {
        var error = ForVcpu(vcpu, CommandKind.GetRegisters, $"get-registers vcpu={vcpu}");
        state = error == KvmiError.None ? _vcpus[vcpu] : default;
        for (var i = 0; i < msrs.Length && error == KvmiError.None; i++)
        {
            msrs[i] = msrs[i] with { Value = TestMachine.MsrValue(state.Msrs, msrs[i].Index) };
        }

        return error;
    }

    /// <inheritdoc/>
    public KvmiError SetRegisters(ushort vcpu, in KvmRegs regs)
    {
        var error = ForVcpu(vcpu, CommandKind.SetRegisters, $"set-registers vcpu={vcpu} rip=0x{regs.Rip:x}");
        if (error == KvmiError.None)
        {
            _vcpus[vcpu].Regs = regs;
        }

        return error;
    }

    /// <inheritdoc/>
    public KvmiError InjectException(ushort vcpu, byte vector, uint errorCode, ulong address)
    {
        var error = ForVcpu(vcpu, CommandKind.InjectException, $"inject-exception vcpu={vcpu} vector={vector}");
        if (error == KvmiError.None)
        {
            _injected.Add((vcpu, new GuestException(vector, errorCode, address)));
        }

        return error;
    }

    /// <inheritdoc/>
    public KvmiError ControlSinglestep(ushort vcpu, bool enable) =>
        ForVcpu(vcpu, CommandKind.ControlSinglestep, $"control-singlestep vcpu={vcpu} {OnOff(enable)}");

    /// <inheritdoc/>
    public KvmiError PauseVcpu(ushort vcpu, bool wait) => ForVcpu(vcpu, CommandKind.PauseVcpu, $"pause-vcpu vcpu={vcpu}");

    /// <inheritdoc/>
    public KvmiError GetMaxGfn(out ulong gfn)
    {
        gfn = MaxGfn;
        return Answer(CommandKind.GetMaxGfn, $"get-max-gfn");
    }

    private static string OnOff(bool enable) => enable ? "on" : "off";

    private KvmiError ForVcpu(ushort vcpu, CommandKind kind, FormattableString text) =>
        vcpu < _vcpus.Length ? Answer(kind, text) : KvmiError.InvalidArgument;

    private KvmiError Answer(CommandKind kind, FormattableString text)
    {
        _commands.Add(text.ToString(CultureInfo.InvariantCulture));
        return _errors.GetValueOrDefault(kind);
    }
}
