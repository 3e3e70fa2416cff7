using Kvmi.Policy.Engine.Model;
using Kvmi.Protocol;

namespace Kvmi.Policy.Engine.Leases;

/// <summary>The traps that one policy needs: events, control registers and MSRs, on the vCPUs it is for.</summary>
internal sealed class TrapDemand
{
    /// <summary>All MSRs that a kernel can trap: 0 to 0x1fff and 0xc0000000 to 0xc0001fff.</summary>
    public const int MaxMsrs = 0x4000;

    private readonly ValueRange[] _vcpus;

    public TrapDemand(PolicyDefinition definition)
    {
        _vcpus = [.. definition.Target.Vcpus];
        var crs = new SortedSet<uint>();
        var msrs = new SortedSet<uint>();
        var events = new SortedSet<EventKind>();
        foreach (var subscription in definition.Subscriptions)
        {
            // Page access holds for every vCPU of the VM, so its event does too; the creation of a vCPU is an event of the VM.
            if (subscription.Event is not (EventKind.PageFault or EventKind.CreateVcpu))
            {
                events.Add(subscription.Event);
            }

            if (subscription.Event == EventKind.Cr)
            {
                crs.UnionWith(subscription.Filter.Cr is { } cr ? [(uint)cr] : [0, 3, 4]);
            }
            else if (subscription.Event == EventKind.Msr)
            {
                msrs.UnionWith(MsrsOf(subscription.Filter));
            }
        }

        Events = [.. events];
        Crs = [.. crs];
        Msrs = [.. msrs];
        PageFaults = definition.Watch.Count > 0 || definition.Subscriptions.Any(s => s.Event == EventKind.PageFault);
    }

    public EventKind[] Events { get; }

    public uint[] Crs { get; }

    public uint[] Msrs { get; }

    /// <summary>True when the page-fault event is needed, on every vCPU.</summary>
    public bool PageFaults { get; }

    /// <summary>True when a hit of a breakpoint is heard of on whatever vCPU it happens.</summary>
    public bool HasBreakpointsEverywhere => _vcpus.Length == 0 && Events.Contains(EventKind.Breakpoint);

    /// <summary>Does the policy hear of single steps of this vCPU?</summary>
    public bool HearsSteps(ushort vcpu) => Covers(vcpu) && Array.IndexOf(Events, EventKind.Singlestep) >= 0;

    /// <summary>How many MSR numbers the filter names, counted without listing them.</summary>
    public static ulong CountMsrs(EventFilter filter) =>
        filter.Msrs.Aggregate(0UL, (sum, range) => sum > uint.MaxValue ? sum : sum + Math.Min(range.Last - range.First, uint.MaxValue) + 1);

    /// <summary>The MSR numbers that the filter names. Check <see cref="CountMsrs"/> first.</summary>
    public static IEnumerable<uint> MsrsOf(EventFilter filter)
    {
        foreach (var range in filter.Msrs)
        {
            for (var msr = range.First; msr <= range.Last && msr <= uint.MaxValue; msr++)
            {
                yield return (uint)msr;
            }
        }
    }

    /// <summary>Is the policy for this vCPU?</summary>
    public bool Covers(ushort vcpu)
    {
        // A loop, as a lambda over the number would allocate, and handlers come through here.
        foreach (ref readonly var range in _vcpus.AsSpan())
        {
            if (range.Contains(vcpu))
            {
                return true;
            }
        }

        return _vcpus.Length == 0;
    }
}
