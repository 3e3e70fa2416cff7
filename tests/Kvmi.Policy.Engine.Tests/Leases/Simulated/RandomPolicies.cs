using Kvmi.Policy.Engine.Generations;
using Kvmi.Policy.Engine.Model;
using Kvmi.Policy.Engine.Tests.Runtime;
using Kvmi.Protocol;
using static Kvmi.Policy.Engine.Tests.Runtime.EngineBench;

namespace Kvmi.Policy.Engine.Tests.Leases.Simulated;

/// <summary>Policies with every kind of lease on a guest that really runs into them; some throw until they are quarantined, some cannot start, some keep their state.</summary>
internal static class RandomPolicies
{
    private const ulong Free = 0x700_0000;
    private const ulong EntryText = 0x1E0_0000;

    private static long _switches;

    /// <summary>How often a policy has put a vCPU into a view, over all benches.</summary>
    public static long Switches => Interlocked.Read(ref _switches);

    /// <summary>Up to four policies.</summary>
    public static GenerationPolicy[] Some(int number, bool canStep) =>
        [.. Enumerable.Range(0, 4).Where(i => (number & (1 << i)) != 0).Select(i => One(i, (number >> 4) * 31 * (i + 1), canStep))];

    private static GenerationPolicy One(int index, int seed, bool canStep)
    {
        // rfc-v5 cannot step: a policy that wants to is refused there.
        PolicySubscription[] steps = canStep ? [On(EventKind.Singlestep)] : [];
        var definition = Define($"p{index}", [OnCr3, On(EventKind.Msr), On(EventKind.PageFault), On(EventKind.Breakpoint), .. steps]) with
        {
            Mode = Bits(seed, 6, 2) == 3 ? PolicyMode.Audit : PolicyMode.Enforce,
            Watch = [Watch(Free, Free + 0xFFF + ((ulong)Bits(seed, 4, 2) << 12), PageAccess.ReadExecute), Watch(EntryText, EntryText + 0xFFF, PageAccess.ReadWrite)],
            State = new PolicyStateSettings(PolicyStateScope.Vm, Bits(seed, 1, 1) == 1),
            OnError = new PolicyErrorHandling(DecisionKind.Allow, 3, TimeSpan.FromMinutes(1)),
        };
        return Loaded(definition, services =>
        {
            services.Memory.TryWritePhysical(Free + 0x2FFE + (ulong)index, [(byte)seed, (byte)(index + 1), 0xAB]);
            services.Breakpoints.Set(EntryText + 0x80);
            if (Bits(seed, 8, 3) == 7)
            {
                throw new InvalidOperationException("cannot start");
            }

            var events = 0;
            PolicyHandler<CrEvent> cr = e =>
            {
                events++;
                if (Bits(seed, 2, 2) == 0 && events % 16 == 0)
                {
                    throw new InvalidOperationException("bad day");
                }

                // The instruction that this vCPU is at: all vCPUs come here again and again.
                if (services.Memory.TryTranslate(e, e.Rip, out var gpa))
                {
                    services.Breakpoints.Set(gpa);
                }

                if (canStep && (Bits(seed, 7, 1) == 1 || events % 5 == 0))
                {
                    services.Singlestep.Start(events % 7 == 0 ? (ushort)0 : e.Vcpu, 1 + Bits(seed, 9, 5));
                }

                // Each other policy in a view of its own; now and then one that another has, or another vCPU.
                if (services.Views.IsSupported && events % 2 == 1)
                {
                    var view = (ushort)(1 + ((events % 9 == 0 ? index + 1 : index) % 3));
                    if (services.Views.Switch(events % 5 == 0 ? (ushort)1 : e.Vcpu, view))
                    {
                        Interlocked.Increment(ref _switches);
                    }
                }
                else if (events % 4 == 0)
                {
                    services.Views.Back(e.Vcpu);
                }

                services.Pages.Set(EntryText, PageAccess.ReadWrite);
                services.Memory.TryWritePhysical(Free + 0x3000 + ((ulong)Bits(seed, 3, 4) << 1), [(byte)events, (byte)index, 0xCD, 0xEF]);
                return Decision.Allow;
            };
            PolicyHandler<PageFaultEvent> pf = e =>
            {
                services.Pages.Set(e.Gpa, PageAccess.All);
                return Decision.Retry;
            };
            PolicyHandler<BreakpointEvent> breakpoint = e =>
            {
                services.Memory.TryWritePhysical(Free + 0x4000, [(byte)index, (byte)events]);
                return Bits(seed, 5, 1) == 1 ? Decision.Retry : Decision.Allow;
            };
            PolicyHandler<SinglestepEvent> step = e =>
            {
                if (e.Failed)
                {
                    return Decision.Crash();
                }

                // The page that the next access finds closed: the step of one vCPU among accesses of all.
                services.Pages.Set(EntryText, PageAccess.ReadWrite);
                return Decision.Allow;
            };
            return canStep ? [cr, Msr(() => Decision.Allow), pf, breakpoint, step] : [cr, Msr(() => Decision.Allow), pf, breakpoint];
        });
    }

    private static int Bits(int number, int shift, int count) => (int)(((uint)number >> shift) & ((1u << count) - 1));
}
