using Kvmi.Policy.Engine.Model;
using Kvmi.Policy.Engine.Runtime;
using Kvmi.Protocol;

namespace Kvmi.Policy.Engine.Dispatch;

/// <summary>One subscription of one policy instance, ready to run.</summary>
internal sealed class DispatchEntry
{
    private readonly CompiledFilter _filter;

    public DispatchEntry(PolicyInstance policy, PolicySubscription subscription, Delegate? handler)
    {
        Policy = policy;
        Subscription = subscription;
        Handler = handler;
        _filter = new CompiledFilter(subscription.Filter, policy.Definition.Target.Vcpus);
    }

    public PolicyInstance Policy { get; }

    public PolicySubscription Subscription { get; }

    /// <summary>Handler of the event's type; null when the subscription's <c>then</c> decides.</summary>
    public Delegate? Handler { get; }

    public EventKind Event => Subscription.Event;

    /// <summary>Shall the policy see an event that the dispatch table found for it?</summary>
    public bool Wants(in EventFacts facts) =>
        Policy.InService && _filter.MatchesKeyed(in facts) && !Policy.KnownGood.Covers(in facts);
}
