using Kvmi.Policy.Engine.Code;
using Kvmi.Policy.Engine.Dispatch;
using Kvmi.Policy.Engine.Generations;
using Kvmi.Policy.Engine.Leases;
using Kvmi.Policy.Engine.Model;
using Kvmi.Policy.Engine.Runtime.Services;
using Kvmi.Policy.Engine.Summary;
using Kvmi.Protocol;

namespace Kvmi.Policy.Engine.Runtime;

/// <summary>One policy of one generation on one VM.</summary>
internal sealed class PolicyInstance
{
    private readonly VmContext _context;
    private PolicyTally? _tally;

    public PolicyInstance(VmContext context, GenerationPolicy source, int order, PolicyMemory memory, ServiceRegistry registry)
    {
        _context = context;
        Definition = source.Definition;
        Budget = Definition.Budget;
        Statistics = source.Statistics;
        Order = order;
        Mode = context.Modes.Of(source.Definition);
        Memory = memory;
        Owner = memory.Owner;
        Demand = new TrapDemand(Definition);
        KnownGood = new KnownGoodCases(Definition, context.Vm.Identity.Name, context.Engine.Time);
        Edits = new RegisterEdits(context);
        Notices = new NoticeWriter(context, this);
        Errors = new ErrorWindow(Definition.OnError, context.Engine.Time);
        Rate = Definition.Budget.Rate is { } rate ? new RateLimit(rate, context.Engine.Time) : null;
        Services = new PolicyServices(context, this, registry);
    }

    public PolicyDefinition Definition { get; }

    /// <summary>What its calls may use, near at hand: it is asked for at every one of them.</summary>
    public PolicyBudget Budget { get; }

    public PolicyStatistics Statistics { get; }

    /// <summary>Counts what this instance does at every event; from <see cref="Bind"/> to the end of its service.</summary>
    public PolicyTally Tally => _tally!;

    public string Id => Definition.Id;

    /// <summary>Position among the generation's policies: priority, then id. Decides among equal votes.</summary>
    public int Order { get; set; }

    /// <summary>The generation whose code it runs.</summary>
    public required Generation Home { get; init; }

    /// <summary>The mode of the file or the loader's override, unless a switch of the policy's own says otherwise.</summary>
    public PolicyMode Mode { get; set; }

    /// <summary>True in enforce mode, unless the switch over all policies says audit.</summary>
    public bool Enforcing => Mode == PolicyMode.Enforce && _context.Master == MasterMode.AsWritten;

    public TrapDemand Demand { get; }

    public KnownGoodCases KnownGood { get; }

    public RegisterEdits Edits { get; }

    public NoticeWriter Notices { get; }

    public ErrorWindow Errors { get; }

    /// <summary>Counts its calls; null without a rate.</summary>
    public RateLimit? Rate { get; }

    public PolicyServices Services { get; }

    /// <summary>What outlives this instance when the policy keeps its state.</summary>
    public PolicyMemory Memory { get; }

    /// <summary>Holder of pages and patches; null once another instance has followed or the policy is out of service.</summary>
    public LeaseOwner? Owner { get; set; }

    /// <summary>The policy's own object; null for policies without code.</summary>
    public PolicyBase? Code { get; private set; }

    public DispatchEntry[] Entries { get; private set; } = [];

    public DispatchEntry[] PageFaultEntries { get; private set; } = [];

    /// <summary>The policy reached its error limit in the current event.</summary>
    public bool QuarantineDue { get; set; }

    /// <summary>The policy exceeded its rate in the current event and loses something for it.</summary>
    public bool RateDue { get; set; }

    /// <summary>Its rate has cost it its pages; until the next reload it gets no others.</summary>
    public bool PagesReleased { get; set; }

    /// <summary>Its code has kept a thread: none of it may be called again, because it may hold its own locks or be half-way.</summary>
    public bool IsHung { get; set; }

    /// <summary>OnDetach was called before the end of the connection.</summary>
    public bool SaidGoodbye { get; set; }

    /// <summary>True from the end of the build to quarantine, reload or detach.</summary>
    public bool InService { get; private set; }

    /// <summary>Takes the instance's handlers and puts it into service.</summary>
    /// <exception cref="InvalidOperationException">The factory bound other handlers than the subscriptions need.</exception>
    public void Bind(BoundPolicy bound)
    {
        Code = bound.Instance;
        if (bound.Handlers.Count != Definition.Subscriptions.Count)
        {
            throw new InvalidOperationException(
                $"its code binds {bound.Handlers.Count} handlers for {Definition.Subscriptions.Count} subscriptions");
        }

        var entries = new DispatchEntry[bound.Handlers.Count];
        for (var i = 0; i < entries.Length; i++)
        {
            var subscription = Definition.Subscriptions[i];
            var handler = bound.Handlers[i];
            var info = PolicyEvents.Find(subscription.Event)
                ?? throw new InvalidOperationException($"nobody can subscribe to {subscription.Event}");
            var wanted = typeof(PolicyHandler<>).MakeGenericType(info.HandlerType);
            if (handler is null ? subscription.Then is null : handler.GetType() != wanted)
            {
                throw new InvalidOperationException(
                    $"the handler of subscription {i + 1} ({info.Name}) is {handler?.GetType().Name ?? "missing"} "
                    + $"and should be a PolicyHandler<{info.HandlerType.Name}>");
            }

            entries[i] = new DispatchEntry(this, subscription, handler);
        }

        Entries = entries;
        PageFaultEntries = [.. entries.Where(entry => entry.Event == EventKind.PageFault)];
        Memory.Owner.Instance = this;
        _tally = Statistics.OpenTally();
        InService = true;
    }

    /// <summary>No event reaches the instance from now on.</summary>
    public void TakeOutOfService()
    {
        InService = false;
        _tally?.Close();
        if (Owner is { } owner)
        {
            if (ReferenceEquals(owner.Instance, this))
            {
                owner.Instance = null;
            }

            Owner = null;
        }
    }
}
