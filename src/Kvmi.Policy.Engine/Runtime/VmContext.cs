using Kvmi.Guest.Decoding;
using Kvmi.Policy.Engine.Leases;
using Kvmi.Policy.Engine.Leases.Journal;
using Kvmi.Policy.Engine.Model;
using Kvmi.Policy.Engine.Output;
using Kvmi.Policy.Engine.Runtime.Services;
using Kvmi.Policy.Engine.Summary;
using Kvmi.Protocol;
using Kvmi.Session.Deadlines;
using Kvmi.Session.Vm;

namespace Kvmi.Policy.Engine.Runtime;

/// <summary>What all policies of one VM share, over all generations. For the VM's owner thread.</summary>
internal sealed class VmContext
{
    public VmContext(IIntrospectedVm vm, EngineServices engine)
    {
        Vm = vm;
        Engine = engine;
        Name = vm.Identity.Name.Length > 0 ? vm.Identity.Name : vm.Identity.Uuid.ToString();
        Memory = new EventMemory(vm, engine.MemoryCachePages);
        Instructions = new InstructionLength(Memory.Cache);
        Traps = new TrapLeases(vm, Report);
        Pages = new PageLeases(vm, Report);
        Patches = new MemoryPatches(vm, Report) { Cache = Memory.Cache };
        Breakpoints = new BreakpointLeases(vm, Patches);
        Singlesteps = new SinglestepLeases(vm, Report);
        Views = new ViewLeases(vm, Pages, Report);
        Clock = new PolicyClock(engine.Time);
        Guest = new GuestVm(this);
        Foreign = new ForeignCode(vm.Custody ?? new VmCustody());
    }

    public IIntrospectedVm Vm { get; }

    public EngineServices Engine { get; }

    /// <summary>The VM's name for output: its UUID when it has no name.</summary>
    public string Name { get; }

    /// <summary>The event that is being decided. A thread that was lost keeps the object of its own.</summary>
    public CurrentEvent Event { get; private set; } = new();

    /// <summary>The switch over all policies as this VM has taken it over.</summary>
    public MasterMode Master { get; set; }

    /// <summary>The switches of single policies as this VM has taken them over.</summary>
    public PolicyModes Modes { get; set; } = PolicyModes.AsWritten;

    /// <summary>Times from the start of an event to its decision. The owner thread writes, any thread reads.</summary>
    public LatencyHistogram DecisionTime { get; } = new();

    /// <summary>Events so far, by kind. Only the owner thread writes.</summary>
    public long[] EventCounts { get; } = new long[Enum.GetValues<EventKind>().Max(kind => (int)kind) + 1];

    public EventMemory Memory { get; }

    public InstructionLength Instructions { get; }

    public TrapLeases Traps { get; }

    public PageLeases Pages { get; }

    public MemoryPatches Patches { get; }

    public BreakpointLeases Breakpoints { get; }

    public SinglestepLeases Singlesteps { get; }

    public ViewLeases Views { get; }

    public PolicyClock Clock { get; }

    public GuestVm Guest { get; }

    public ForeignCode Foreign { get; }

    /// <summary>The event object is left to a lost thread.</summary>
    public void RenewEvent() => Event = new CurrentEvent { Number = Event.Number };

    public bool Offers(CommandKind command) => Vm.Capabilities.Commands.Contains(command);

    /// <summary>Puts back what an earlier connection or process left in the guest's memory, and remembers patches from here on.</summary>
    /// <exception cref="VmConnectionLostException">The connection ended meanwhile; the journal keeps what is left.</exception>
    public void OpenJournal()
    {
        if (Engine.StateDirectory is not { } directory)
        {
            return;
        }

        var journal = new PatchJournal(directory, Vm.Identity);
        Patches.Journal = journal;
        var left = journal.Recover(out var discarded);
        if (discarded is not null)
        {
            Status("journal-discarded", null, $"The journal of patches that {Name} had before is of no use: {discarded}.");
        }

        if (left.Count == 0)
        {
            return;
        }

        var patches = left.Count;
        Patches.Adopt(left);
        var bytes = Patches.ReleaseAll();
        Status(
            "patches-restored",
            null,
            $"{patches} patches were left in the memory of {Name} by an earlier connection; {bytes} bytes are put back.",
            [new OutputField("patches", (long)patches), new OutputField("bytes", (long)bytes)]);
    }

    /// <summary>Lets go of the journal; it keeps what is still in the guest.</summary>
    public void CloseJournal()
    {
        Patches.Journal?.Dispose();
        Patches.Journal = null;
    }

    /// <summary>Writes a status line about this VM.</summary>
    public void Status(string status, string? policy, string message, IReadOnlyList<OutputField>? fields = null) =>
        Engine.Output.Write(new StatusOutput
        {
            Time = Engine.Time.GetUtcNow(),
            Vm = Name,
            Status = status,
            Policy = policy,
            Message = message,
            Fields = fields ?? [],
        });

    /// <summary>Writes a status line about a lease.</summary>
    public void Report(LeaseFault fault) => Status(fault.Status, fault.Policy, $"{fault}.", fault.Fields);
}
