using System.Reflection;
using System.Runtime.CompilerServices;
using Kvmi.Policy.Engine.Containment.Metering;
using Kvmi.Policy.Engine.Containment.Worker.Lane;
using Kvmi.Policy.Engine.Decisions;
using Kvmi.Policy.Engine.Dispatch;
using Kvmi.Policy.Engine.Runtime.Services;
using Kvmi.Policy.Engine.Runtime.State;
using Kvmi.Protocol.Dialects;
using Kvmi.Protocol.Events;

namespace Kvmi.Policy.Engine.Containment.Worker.Inside;

/// <summary>Compiles what every event runs through before the first one is there: a guest's vCPU would wait for the compiler.</summary>
internal static class WorkerWarmth
{
    private static readonly Type[] Types =
    [
        typeof(WorkerLoop), typeof(WorkerChannel), typeof(WorkerServices), typeof(WorkerMemory), typeof(WorkerPages), typeof(WorkerFacts),
        typeof(LaneMemory), typeof(LaneReader), typeof(LaneWriter), typeof(HandlerCall), typeof(EventFacts), typeof(WorkerRegisters),
        typeof(NoticeFields), typeof(PolicyParameters), typeof(ParameterList), typeof(ScriptMeter), typeof(ScriptGuard),
        typeof(StateHash), typeof(EventFrame), typeof(Dialect), typeof(Decision), typeof(PolicyBase), typeof(CrEvent), typeof(MsrEvent),
        typeof(PageFaultEvent), typeof(BreakpointEvent), typeof(DescriptorEvent), typeof(HypercallEvent), typeof(XsetbvEvent),
        typeof(SinglestepEvent), typeof(TrapEvent), typeof(CreateVcpuEvent), typeof(CpuidEvent),
    ];

    /// <summary>Compiles the methods.</summary>
    public static void Prepare()
    {
        const BindingFlags own = BindingFlags.Instance | BindingFlags.Static | BindingFlags.Public | BindingFlags.NonPublic | BindingFlags.DeclaredOnly;
        foreach (var type in Types.Concat(Dialect.All.Select(dialect => dialect.GetType())).Distinct())
        {
            foreach (var method in type.GetMethods(own).Where(method => !method.IsAbstract && !method.ContainsGenericParameters))
            {
                RuntimeHelpers.PrepareMethod(method.MethodHandle);
            }
        }
    }
}
