using Kvmi.Protocol;

namespace Kvmi.Policy.Engine.Code;

/// <summary>The events that policies can subscribe to: name in the file, type in the handler, legal decisions. One line each.</summary>
public static class PolicyEvents
{
    private static readonly PolicyEventInfo[] Table =
    [
        new("cr", EventKind.Cr, typeof(CrEvent), [DecisionKind.Allow, DecisionKind.Keep, DecisionKind.Set, DecisionKind.Inject, DecisionKind.Crash]),
        new("msr", EventKind.Msr, typeof(MsrEvent), [DecisionKind.Allow, DecisionKind.Keep, DecisionKind.Set, DecisionKind.Inject, DecisionKind.Crash]),
        new("pf", EventKind.PageFault, typeof(PageFaultEvent), [DecisionKind.Allow, DecisionKind.Retry, DecisionKind.Skip, DecisionKind.Inject, DecisionKind.Crash]),
        new("breakpoint", EventKind.Breakpoint, typeof(BreakpointEvent), [DecisionKind.Allow, DecisionKind.Retry, DecisionKind.Skip, DecisionKind.Inject, DecisionKind.Crash]),
        new("descriptor", EventKind.Descriptor, typeof(DescriptorEvent), [DecisionKind.Allow, DecisionKind.Retry, DecisionKind.Skip, DecisionKind.Inject, DecisionKind.Crash]),
        new("hypercall", EventKind.Hypercall, typeof(HypercallEvent), [DecisionKind.Allow, DecisionKind.Inject, DecisionKind.Crash]),
        new("xsetbv", EventKind.Xsetbv, typeof(XsetbvEvent), [DecisionKind.Allow, DecisionKind.Inject, DecisionKind.Crash]),
        new("singlestep", EventKind.Singlestep, typeof(SinglestepEvent), [DecisionKind.Allow, DecisionKind.Crash]),
        new("trap", EventKind.Trap, typeof(TrapEvent), [DecisionKind.Allow, DecisionKind.Crash]),
        new("create-vcpu", EventKind.CreateVcpu, typeof(CreateVcpuEvent), [DecisionKind.Allow, DecisionKind.Crash]),
        new("cpuid", EventKind.Cpuid, typeof(CpuidEvent), [DecisionKind.Allow, DecisionKind.Crash]),
    ];

    /// <summary>All of them.</summary>
    public static IReadOnlyList<PolicyEventInfo> All => Table;

    /// <summary>Finds an event by its name in policy files; null when there is none.</summary>
    public static PolicyEventInfo? Find(string name) => Array.Find(Table, entry => entry.Name == name);

    /// <summary>Finds an event by its kind; null when policies cannot subscribe to it.</summary>
    public static PolicyEventInfo? Find(EventKind kind) => Array.Find(Table, entry => entry.Kind == kind);
}
