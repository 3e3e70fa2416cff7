using System.Globalization;
using Kvmi.Policy.Engine.Runtime;
using Kvmi.Session.Vm;

namespace Kvmi.Policy.Engine.Leases;

/// <summary>
/// The way back of leases: what the guest could stumble over first. Bytes in its memory come first, as no kernel puts them back;
/// then how vCPUs run, then page rights, while their events are still on; then traps and events.
/// </summary>
internal static class LeaseReturn
{
    /// <summary>Gives back everything that one policy holds and takes it out of service.</summary>
    public static void GiveBack(VmContext context, PolicyInstance policy)
    {
        if (policy.Owner is { } owner)
        {
            GiveBackBytes(context, owner);
            GiveBackExecution(context, owner);
            context.Pages.Release(owner);
        }

        policy.TakeOutOfService();
        context.Traps.Release(policy.Demand);
    }

    /// <summary>Gives back what an owner wrote into the guest.</summary>
    public static void GiveBackBytes(VmContext context, LeaseOwner owner)
    {
        context.Breakpoints.Release(owner);
        context.Patches.Release(owner);
    }

    /// <summary>Gives back what only an enforcing policy may hold, when its owner goes over to audit mode.</summary>
    public static void GiveBackOfEnforcing(VmContext context, LeaseOwner owner)
    {
        GiveBackBytes(context, owner);
        GiveBackExecution(context, owner);
    }

    /// <summary>Gives back how vCPUs run.</summary>
    public static void GiveBackExecution(VmContext context, LeaseOwner owner)
    {
        context.Singlesteps.Release(owner);
        context.Views.Release(owner);
    }

    /// <summary>
    /// Gives back everything of all policies before the connection ends, kind by kind, until the time is up. What is left then is told.
    /// </summary>
    /// <exception cref="VmConnectionLostException">The connection ended meanwhile.</exception>
    public static void GiveBackAll(VmContext context, ReadOnlySpan<PolicyInstance> policies)
    {
        var left = new Remains(context);
        foreach (var policy in policies)
        {
            if (policy.Owner is { } owner && left.HasTime("bytes", policy))
            {
                GiveBackBytes(context, owner);
            }
        }

        foreach (var policy in policies)
        {
            if (policy.Owner is { } owner && left.HasTime("single steps and views", policy))
            {
                GiveBackExecution(context, owner);
            }
        }

        foreach (var policy in policies)
        {
            if (policy.Owner is { PageCount: > 0 } owner && left.HasTime("page rights", policy))
            {
                context.Pages.Release(owner);
            }
        }

        foreach (var policy in policies)
        {
            if (policy.InService && left.HasTime("traps", policy))
            {
                context.Traps.Release(policy.Demand);
            }
        }

        left.Report();
    }

    /// <summary>The clock of one return, and what it left behind.</summary>
    private sealed class Remains
    {
        private readonly VmContext _context;
        private readonly long _start;
        private readonly List<string> _left = [];

        public Remains(VmContext context)
        {
            _context = context;
            _start = context.Engine.Time.GetTimestamp();
        }

        public bool HasTime(string what, PolicyInstance policy)
        {
            if (_context.Engine.Time.GetElapsedTime(_start) < _context.Engine.GiveBackPatience)
            {
                return true;
            }

            _left.Add($"{what} of {policy.Id}");
            return false;
        }

        public void Report()
        {
            if (_left.Count > 0)
            {
                _context.Status(
                    LeaseFault.DefaultStatus,
                    null,
                    string.Create(
                        CultureInfo.InvariantCulture,
                        $"After {_context.Engine.GiveBackPatience.TotalSeconds:0.#} s the time is up and this is not given back: {string.Join(", ", _left)}. "
                        + $"The kernel undoes views, page rights and traps when the connection closes, as far as its dialect says so, and never bytes."));
            }
        }
    }
}
