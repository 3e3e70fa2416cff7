using System.Collections.Frozen;
using Kvmi.Protocol;
using Kvmi.Protocol.Registers;
using Kvmi.Session.Vm;

namespace Kvmi.Policy.Engine.Tests.Runtime;

/// <summary>A VM without a socket: keeps switches, page access and memory as a kernel would, records commands, and can be told to
/// fail.</summary>
public sealed class FakeVm : IIntrospectedVm
{
    private readonly SortedDictionary<ulong, byte[]> _memory = [];
    private readonly SortedSet<string> _switches = new(StringComparer.Ordinal);
    private readonly SortedDictionary<ulong, PageAccess> _pages = [];
    private readonly SortedDictionary<(ushort View, ulong Gfn), PageAccess> _pagesOfViews = [];
    private readonly ushort[] _viewOf;
    private readonly SortedSet<ushort> _made = [];

    public FakeVm(string name = "web01", int vcpus = 2)
    {
        Identity = new VmIdentity(name, new Guid("11111111-2222-3333-4444-555555555555"), null, "test#1");
        VcpuCount = vcpus;
        _viewOf = new ushort[vcpus];
        Capabilities = new VmCapabilities
        {
            Dialect = KvmiDialect.V7,
            Commands = Enum.GetValues<CommandKind>().ToFrozenSet(),
            Events = Enum.GetValues<EventKind>().ToFrozenSet(),
        };
    }

    public VmIdentity Identity { get; init; }

    public VmCapabilities Capabilities { get; set; }

    public int VcpuCount { get; }

    /// <summary>Commands in order; off for allocation measurements.</summary>
    public List<string> Commands { get; } = [];

    public bool Recording { get; set; } = true;

    /// <summary>Asked before every command; what is not None is the answer, and nothing is done.</summary>
    public Func<string, KvmiError>? Fail { get; set; }

    /// <summary>The connection is gone: every command throws.</summary>
    public bool Lost { get; set; }

    public KvmRegs LastRegisters { get; private set; }

    /// <summary>Every switch that is on and every page that is restricted, and the memory that is not zero.</summary>
    public string Snapshot() =>
        string.Join('\n', _switches)
        + "\n" + string.Join('\n', _pages.Select(pair => $"page 0x{pair.Key:x} {pair.Value}"))
        + "\n" + string.Join('\n', _pagesOfViews.Select(pair => $"page 0x{pair.Key.Gfn:x} {pair.Value} in view {pair.Key.View}"))
        + "\n" + string.Join('\n', _viewOf.Index().Where(pair => pair.Item != 0).Select(pair => $"vcpu {pair.Index} in view {pair.Item}").Concat(_made.Select(view => $"view {view}")))
        + "\n" + string.Join('\n', _memory.Where(pair => pair.Value.AsSpan().ContainsAnyExcept((byte)0)).Select(pair => $"0x{pair.Key:x} {Convert.ToHexString(pair.Value)}"));

    public bool IsOn(string name) => _switches.Contains(name);

    public PageAccess Access(ulong gpa) => _pages.GetValueOrDefault(gpa >> 12, PageAccess.All);

    /// <summary>Views that the kernel has from the start, view 0 among them.</summary>
    public const ushort FixedViews = 4;

    public PageAccess Access(ushort view, ulong gpa) =>
        view == 0 ? Access(gpa) : _pagesOfViews.GetValueOrDefault((view, gpa >> 12), PageAccess.All);

    public ushort ViewOf(ushort vcpu) => _viewOf[vcpu];

    /// <summary>Puts a vCPU into a view before the engine does.</summary>
    public void PutInView(ushort vcpu, ushort view) => _viewOf[vcpu] = view;

    /// <summary>A vCPU is taken away and created anew: it has no switch on.</summary>
    public void Recreate(ushort vcpu) => _switches.RemoveWhere(name => name.EndsWith($" vcpu {vcpu}", StringComparison.Ordinal));

    public void Put(ulong gpa, ReadOnlySpan<byte> bytes)
    {
        for (var i = 0; i < bytes.Length; i++)
        {
            Page(gpa + (ulong)i)[(gpa + (ulong)i) & 0xFFF] = bytes[i];
        }
    }

    public byte[] Peek(ulong gpa, int length)
    {
        var bytes = new byte[length];
        for (var i = 0; i < length; i++)
        {
            bytes[i] = Page(gpa + (ulong)i)[(gpa + (ulong)i) & 0xFFF];
        }

        return bytes;
    }

    public KvmiError ControlVmEvents(EventKind kind, bool enable) => Switch($"vm-event {kind}", enable);

    public KvmiError ControlEvents(ushort vcpu, EventKind kind, bool enable) => Switch($"event {kind} vcpu {vcpu}", enable);

    public KvmiError ControlCr(ushort vcpu, uint cr, bool enable) => Switch($"cr{cr} vcpu {vcpu}", enable);

    public KvmiError ControlMsr(ushort vcpu, uint msr, bool enable) => Switch($"msr 0x{msr:x} vcpu {vcpu}", enable);

    public KvmiError ControlSinglestep(ushort vcpu, bool enable) =>
        Recording || Fail is not null ? Switch($"singlestep vcpu {vcpu}", enable) : Check();

    public KvmiError GetEptView(ushort vcpu, out ushort view)
    {
        view = ViewOf(vcpu);
        return Recording || Fail is not null ? Note($"get-view vcpu {vcpu}") : Check();
    }

    public KvmiError SwitchEptView(ushort vcpu, ushort view)
    {
        var error = Recording || Fail is not null ? Note($"view {view} vcpu {vcpu}") : Check();
        if (error != KvmiError.None || !HasView(view))
        {
            return error != KvmiError.None ? error : KvmiError.InvalidArgument;
        }

        if (ViewOf(vcpu) == view)
        {
            throw new InvalidOperationException($"vCPU {vcpu} is in view {view} already: leases must send differences only.");
        }

        _viewOf[vcpu] = view;
        return KvmiError.None;
    }

    public KvmiError CreateEptView(out ushort view)
    {
        view = 0;
        var error = Note("create-view");
        if (error == KvmiError.None)
        {
            view = FixedViews;
            while (!_made.Add(view))
            {
                view++;
            }
        }

        return error;
    }

    public KvmiError DestroyEptView(ushort view)
    {
        var error = Note($"destroy-view {view}");
        if (error != KvmiError.None || _viewOf.Contains(view) || !_made.Remove(view))
        {
            return error != KvmiError.None ? error : KvmiError.Busy;
        }

        foreach (var page in _pagesOfViews.Keys.Where(key => key.View == view).ToArray())
        {
            _pagesOfViews.Remove(page);
        }

        return KvmiError.None;
    }

    public KvmiError SetPageAccess(ushort view, ReadOnlySpan<PageAccessEntry> entries)
    {
        if (view == 0)
        {
            return SetPageAccess(entries);
        }

        if (!HasView(view))
        {
            return KvmiError.InvalidArgument;
        }

        foreach (ref readonly var entry in entries)
        {
            var error = Recording || Fail is not null ? Note($"page 0x{entry.Gpa:x} {entry.Access} view {view}") : Check();
            if (error != KvmiError.None)
            {
                return error;
            }

            _pagesOfViews[(view, entry.Gpa >> 12)] = entry.Access;
            if (entry.Access == PageAccess.All)
            {
                _pagesOfViews.Remove((view, entry.Gpa >> 12));
            }
        }

        return KvmiError.None;
    }

    public KvmiError SetPageAccess(ReadOnlySpan<PageAccessEntry> entries)
    {
        var first = KvmiError.None;
        foreach (ref readonly var entry in entries)
        {
            // Text only when somebody looks at it: the allocation tests come through here.
            var error = Recording || Fail is not null ? Note($"page 0x{entry.Gpa:x} {entry.Access}") : Check();
            if (error == KvmiError.None)
            {
                if (entry.Access == PageAccess.All)
                {
                    _pages.Remove(entry.Gpa >> 12);
                }
                else
                {
                    _pages[entry.Gpa >> 12] = entry.Access;
                }
            }
            else if (first == KvmiError.None)
            {
                first = error;
            }
        }

        return first;
    }

    public KvmiError ReadPhysical(ulong gpa, Span<byte> destination)
    {
        var error = Recording || Fail is not null ? Note($"read 0x{gpa:x} {destination.Length}") : Check();
        if (error == KvmiError.None)
        {
            for (var i = 0; i < destination.Length; i++)
            {
                destination[i] = _memory.TryGetValue((gpa + (ulong)i) >> 12, out var page) ? page[(gpa + (ulong)i) & 0xFFF] : (byte)0;
            }
        }

        return error;
    }

    /// <summary>How often reads left together.</summary>
    public int Exchanges { get; private set; }

    public KvmiError ReadPhysical(ReadOnlySpan<MemoryRange> ranges, Span<byte> destination, Span<KvmiError> results)
    {
        Exchanges++;
        var first = KvmiError.None;
        for (var i = 0; i < ranges.Length; i++)
        {
            results[i] = ReadPhysical(ranges[i].Gpa, destination[..ranges[i].Length]);
            first = first == KvmiError.None ? results[i] : first;
            destination = destination[ranges[i].Length..];
        }

        return first;
    }

    public KvmiError WritePhysical(ulong gpa, ReadOnlySpan<byte> source)
    {
        var error = Note($"write 0x{gpa:x} {Convert.ToHexString(source)}");
        if (error == KvmiError.None)
        {
            Put(gpa, source);
        }

        return error;
    }

    public KvmiError GetRegisters(ushort vcpu, out VcpuState state, Span<MsrEntry> msrs)
    {
        state = default;
        return Note($"get-registers {vcpu}");
    }

    public KvmiError SetRegisters(ushort vcpu, in KvmRegs regs)
    {
        var error = Note($"set-registers {vcpu} rip 0x{regs.Rip:x}");
        if (error == KvmiError.None)
        {
            LastRegisters = regs;
        }

        return error;
    }

    public KvmiError InjectException(ushort vcpu, byte vector, uint errorCode, ulong address) => Note($"inject {vcpu} {vector}");

    public KvmiError PauseVcpu(ushort vcpu, bool wait) => Note($"pause {vcpu}");

    public KvmiError GetMaxGfn(out ulong gfn)
    {
        gfn = 0x100000;
        return Note("max-gfn");
    }

    private KvmiError Switch(string name, bool enable)
    {
        var error = Note($"{name} {(enable ? "on" : "off")}");
        if (error == KvmiError.None && !(enable ? _switches.Add(name) : _switches.Remove(name)))
        {
            throw new InvalidOperationException($"The command '{name} {(enable ? "on" : "off")}' changes nothing: leases must send differences only.");
        }

        return error;
    }

    private bool HasView(ushort view) => view < FixedViews || _made.Contains(view);

    private KvmiError Note(string command)
    {
        var error = Fail?.Invoke(command) ?? KvmiError.None;
        if (Recording)
        {
            Commands.Add(command);
        }

        return Check() is var lost and not KvmiError.None ? lost : error;
    }

    private KvmiError Check() => Lost ? throw new VmConnectionLostException("The test cut the connection.") : KvmiError.None;

    private byte[] Page(ulong gpa)
    {
        if (!_memory.TryGetValue(gpa >> 12, out var page))
        {
            _memory.Add(gpa >> 12, page = new byte[4096]);
        }

        return page;
    }
}
