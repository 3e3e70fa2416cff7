using Kvmi.Protocol;

namespace Kvmi.Policy.Engine.Runtime.Services;

/// <summary>The breakpoint leases of one policy instance.</summary>
internal sealed class PolicyBreakpoints : IBreakpointLeases
{
    private readonly VmContext _context;
    private readonly PolicyInstance _policy;

    public PolicyBreakpoints(VmContext context, PolicyInstance policy)
    {
        _context = context;
        _policy = policy;
    }

    public bool Set(ulong gpa)
    {
        if (!_policy.Demand.HasBreakpointsEverywhere)
        {
            // A vCPU whose hits nobody hears of would hand them to the guest, which knows of no breakpoint.
            throw new InvalidOperationException(
                $"Policy {_policy.Id} sets a breakpoint but does not subscribe to breakpoint events on every vCPU.");
        }

        var current = _context.Event;
        return _policy.Owner is { } owner
            && _context.Offers(CommandKind.ReadPhysical)
            && _context.Offers(CommandKind.WritePhysical)
            && !(current is { Active: true, OwnBreakpoint: true } && current.Facts.Gpa == gpa)
            && _context.Breakpoints.Set(owner, gpa) == KvmiError.None;
    }

    public void Release(ulong gpa)
    {
        if (_policy.Owner is { } owner)
        {
            _context.Breakpoints.Release(owner, gpa);
        }
    }

    public bool IsSet(ulong gpa) => _policy.Owner is { } owner && _context.Breakpoints.IsSet(owner, gpa);
}
