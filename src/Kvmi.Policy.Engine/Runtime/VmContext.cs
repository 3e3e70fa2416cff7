using Kvmi.Guest.Decoding;
using Kvmi.Guest.Memory;
using Kvmi.Policy.Engine.Leases;
using Kvmi.Policy.Engine.Output;
using Kvmi.Policy.Engine.Runtime.Services;
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
        Memory = new VmPhysicalMemory(vm);
        Instructions = new InstructionLength(Memory);
        Traps = new TrapLeases(vm, Report);
        Pages = new PageLeases(vm, Report);
        Patches = new MemoryPatches(vm, Report);
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

    public VmPhysicalMemory Memory { get; }

    public InstructionLength Instructions { get; }

    public TrapLeases Traps { get; }

    public PageLeases Pages { get; }

    public MemoryPatches Patches { get; }

    public PolicyClock Clock { get; }

    public GuestVm Guest { get; }

    public ForeignCode Foreign { get; }

    /// <summary>The event object is left to a lost thread.</summary>
    public void RenewEvent() => Event = new CurrentEvent { Number = Event.Number };

    public bool Offers(CommandKind command) => Vm.Capabilities.Commands.Contains(command);

    /// <summary>Writes a status line about this VM.</summary>
    public void Status(string status, string? policy, string message) =>
        Engine.Output.Write(new StatusOutput
        {
            Time = Engine.Time.GetUtcNow(),
            Vm = Name,
            Status = status,
            Policy = policy,
            Message = message,
        });

    private void Report(LeaseFault fault) => Status("lease-error", null, $"{fault}.");
}
