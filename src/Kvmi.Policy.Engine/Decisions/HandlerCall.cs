using Kvmi.Policy.Engine.Code;
using Kvmi.Policy.Engine.Dispatch;
using Kvmi.Policy.Engine.Model;
using Kvmi.Protocol;
using Kvmi.Protocol.Events;

namespace Kvmi.Policy.Engine.Decisions;

/// <summary>Runs a handler with the event type that its kind has, without boxing, and checks what it says.</summary>
internal static class HandlerCall
{
    /// <summary>Calls a handler. The casts are exact: the binding has checked them, and an otherwise handler of another type
    /// throws.</summary>
    public static Decision Invoke(Delegate handler, in EventFrame frame) => frame.Kind switch
    {
        EventKind.Cr => ((PolicyHandler<CrEvent>)handler)(new CrEvent(frame)),
        EventKind.Msr => ((PolicyHandler<MsrEvent>)handler)(new MsrEvent(frame)),
        EventKind.PageFault => ((PolicyHandler<PageFaultEvent>)handler)(new PageFaultEvent(frame)),
        EventKind.Breakpoint => ((PolicyHandler<BreakpointEvent>)handler)(new BreakpointEvent(frame)),
        EventKind.Descriptor => ((PolicyHandler<DescriptorEvent>)handler)(new DescriptorEvent(frame)),
        EventKind.Hypercall => ((PolicyHandler<HypercallEvent>)handler)(new HypercallEvent(frame)),
        EventKind.Xsetbv => ((PolicyHandler<XsetbvEvent>)handler)(new XsetbvEvent(frame)),
        EventKind.Singlestep => ((PolicyHandler<SinglestepEvent>)handler)(new SinglestepEvent(frame)),
        EventKind.Trap => ((PolicyHandler<TrapEvent>)handler)(new TrapEvent(frame)),
        EventKind.CreateVcpu => ((PolicyHandler<CreateVcpuEvent>)handler)(new CreateVcpuEvent(frame)),
        EventKind.Cpuid => ((PolicyHandler<CpuidEvent>)handler)(new CpuidEvent(frame)),
        _ => throw new InvalidOperationException($"No handler takes an event of kind {frame.Kind}."),
    };

    /// <summary>The decision of a subscription without code.</summary>
    public static Decision FromThen(PolicyThen then, in EventFacts facts) => then.Decision switch
    {
        DecisionKind.Set => Decision.Set(then.Value),
        DecisionKind.Skip => Decision.Skip(),
        DecisionKind.Inject => Decision.Inject(then.Exception),
        _ => FromWord(then.Decision, in facts),
    };

    /// <summary>A decision that is one word: allow, keep, retry or crash.</summary>
    public static Decision FromWord(DecisionKind word, in EventFacts facts) => word switch
    {
        DecisionKind.Keep => Decision.Keep(facts.Old),
        DecisionKind.Retry => Decision.Retry,
        DecisionKind.Crash => Decision.Crash(),
        _ => Decision.Allow,
    };

    /// <summary>What is wrong with a vote; null when it may answer the event.</summary>
    public static string? FindProblem(in Decision decision, in EventFacts facts)
    {
        if (!LegalDecisions.IsLegal(facts.Kind, decision.Kind))
        {
            return PolicyEvents.Find(facts.Kind) is { } info
                ? $"answered {decision.Kind}, which is not legal for {info.Name} events; possible: {string.Join(", ", info.Legal)}"
                : $"answered {decision.Kind}, which is not legal for a {facts.Kind} event";
        }

        return decision.Kind switch
        {
            DecisionKind.Keep when decision.Value != facts.Old =>
                $"answered Keep(0x{decision.Value:x}), but the old value is 0x{facts.Old:x}; Set is for other values",
            DecisionKind.Inject when decision.Exception.Vector > 31 =>
                $"injects vector {decision.Exception.Vector}; exceptions have vectors 0 to 31",
            _ => null,
        };
    }
}
