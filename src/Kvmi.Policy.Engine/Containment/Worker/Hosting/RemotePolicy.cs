using Kvmi.Policy.Engine.Model;
using Kvmi.Policy.Engine.Runtime.Services;
using Kvmi.Protocol;
using Kvmi.Protocol.Events;

namespace Kvmi.Policy.Engine.Containment.Worker.Hosting;

/// <summary>The host's side of one untrusted policy on one VM. For the VM's owner thread.</summary>
internal sealed class RemotePolicy : PolicyBase
{
    private const int MaxFacts = 64;
    private readonly WorkerLane _lane;

    public RemotePolicy(WorkerLane lane, PolicyDefinition definition, ushort index, PolicyServices services)
    {
        _lane = lane;
        Id = definition.Id;
        Index = index;
        Timeout = definition.Budget.Timeout;
        Services = services;
        Handlers =
        [
            .. definition.Subscriptions.Select((subscription, number) =>
                subscription.Handler is null ? null : new Subscription(this, (ushort)number, subscription.Event).Handler),
        ];
    }

    public string Id { get; }

    /// <summary>Its number in the worker.</summary>
    public ushort Index { get; }

    /// <summary>How long a handler may take.</summary>
    public TimeSpan Timeout { get; }

    public PolicyServices Services { get; }

    /// <summary>The facts that the worker has asked for; their place is their number.</summary>
    public List<IPolicyFact> FactsInUse { get; } = new(MaxFacts);

    /// <summary>For each subscription, what asks the worker.</summary>
    public IReadOnlyList<Delegate?> Handlers { get; }

    protected override void OnDetach() => _lane.Detach(this);

    private sealed class Subscription
    {
        private readonly RemotePolicy _policy;
        private readonly ushort _number;
        private readonly Delegate _otherwise;

        public Subscription(RemotePolicy policy, ushort number, EventKind kind)
        {
            _policy = policy;
            _number = number;
            Handler = Bind(kind, isOtherwise: false);
            _otherwise = Bind(kind, isOtherwise: true);
        }

        public Delegate Handler { get; }

        private Delegate Bind(EventKind kind, bool isOtherwise) => kind switch
        {
            EventKind.Cr => (PolicyHandler<CrEvent>)(e => Ask(e.Frame, isOtherwise)),
            EventKind.Msr => (PolicyHandler<MsrEvent>)(e => Ask(e.Frame, isOtherwise)),
            EventKind.PageFault => (PolicyHandler<PageFaultEvent>)(e => Ask(e.Frame, isOtherwise)),
            EventKind.Breakpoint => (PolicyHandler<BreakpointEvent>)(e => Ask(e.Frame, isOtherwise)),
            EventKind.Descriptor => (PolicyHandler<DescriptorEvent>)(e => Ask(e.Frame, isOtherwise)),
            EventKind.Hypercall => (PolicyHandler<HypercallEvent>)(e => Ask(e.Frame, isOtherwise)),
            EventKind.Xsetbv => (PolicyHandler<XsetbvEvent>)(e => Ask(e.Frame, isOtherwise)),
            EventKind.Singlestep => (PolicyHandler<SinglestepEvent>)(e => Ask(e.Frame, isOtherwise)),
            EventKind.Trap => (PolicyHandler<TrapEvent>)(e => Ask(e.Frame, isOtherwise)),
            EventKind.CreateVcpu => (PolicyHandler<CreateVcpuEvent>)(e => Ask(e.Frame, isOtherwise)),
            EventKind.Cpuid => (PolicyHandler<CpuidEvent>)(e => Ask(e.Frame, isOtherwise)),
            _ => throw new InvalidOperationException($"No handler takes an event of kind {kind}."),
        };

        private Decision Ask(EventFrame frame, bool isOtherwise) =>
            _policy._lane.Decide(_policy, _number, _otherwise, in frame, isOtherwise);
    }
}
