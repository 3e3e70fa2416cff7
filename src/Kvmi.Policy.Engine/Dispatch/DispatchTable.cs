using Kvmi.Policy.Engine.Code;
using Kvmi.Policy.Engine.Runtime;
using Kvmi.Protocol;

namespace Kvmi.Policy.Engine.Dispatch;

/// <summary>
/// Event kind and key to the subscriptions that may want it, in policy order (priority, then id). Page faults are missing
/// here: they go to the owners of the page.
/// </summary>
internal sealed class DispatchTable
{
    private readonly DispatchEntry[] _cr0;
    private readonly DispatchEntry[] _cr3;
    private readonly DispatchEntry[] _cr4;
    private readonly MsrTable _msrs;
    private readonly DispatchEntry[]?[] _byKind = new DispatchEntry[(int)EventKind.Cpuid + 1][];

    /// <summary>Builds the table.</summary>
    /// <param name="policies">Instances in policy order.</param>
    public DispatchTable(IEnumerable<PolicyInstance> policies)
    {
        DispatchEntry[] all = [.. policies.Where(policy => policy.InService).SelectMany(policy => policy.Entries)];
        _cr0 = ForCr(all, 0);
        _cr3 = ForCr(all, 3);
        _cr4 = ForCr(all, 4);
        var msrs = new Dictionary<uint, List<DispatchEntry>>();
        foreach (var entry in all.Where(entry => entry.Event == EventKind.Msr))
        {
            foreach (var msr in Leases.TrapDemand.MsrsOf(entry.Subscription.Filter).Distinct())
            {
                if (!msrs.TryGetValue(msr, out var list))
                {
                    msrs.Add(msr, list = []);
                }

                list.Add(entry);
            }
        }

        _msrs = new MsrTable(msrs.ToDictionary(pair => pair.Key, pair => pair.Value.ToArray()));
        foreach (var kind in PolicyEvents.All.Select(info => info.Kind).Where(kind => kind is not (EventKind.Cr or EventKind.Msr or EventKind.PageFault)))
        {
            _byKind[(int)kind] = [.. all.Where(entry => entry.Event == kind)];
        }
    }

    public static DispatchTable Empty { get; } = new([]);

    /// <summary>The subscriptions to look at for an event.</summary>
    public ReadOnlySpan<DispatchEntry> Find(in EventFacts facts) => facts.Kind switch
    {
        EventKind.Cr => facts.Number switch
        {
            0 => _cr0,
            3 => _cr3,
            4 => _cr4,
            _ => default,
        },
        EventKind.Msr => _msrs.Find(facts.Number),
        _ => (uint)facts.Kind < (uint)_byKind.Length ? _byKind[(int)facts.Kind] : default,
    };

    private static DispatchEntry[] ForCr(DispatchEntry[] all, int cr) =>
        [.. all.Where(entry => entry.Event == EventKind.Cr && (entry.Subscription.Filter.Cr ?? cr) == cr)];
}
