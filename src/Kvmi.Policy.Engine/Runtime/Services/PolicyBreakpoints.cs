using Kvmi.Protocol;

namespace Kvmi.Policy.Engine.Runtime.Services;

/// <summary>The breakpoint leases of one policy instance.</summary>
internal sealed class PolicyBreakpoints : IBreakpointLeases
{
    private readonly VmContext _context;
    private readonly PolicyInstance _policy;
    private bool _refusalTold;

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

        if (!_policy.Enforcing)
        {
            Refuse(gpa);
            return false;
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

    // A breakpoint is a byte in the guest's memory: the guest can read it, and a crash of the host leaves it there.
    private void Refuse(ulong gpa)
    {
        if (_refusalTold)
        {
            return;
        }

        _refusalTold = true;
        using var custody = _context.Foreign.Enter();
        _context.Status(
            "breakpoint-refused",
            _policy.Id,
            $"Policy {_policy.Id} is in audit mode and would have set a breakpoint at 0x{gpa:x}: audit changes no byte of the guest, so that what depends "
            + "on its breakpoints is not seen. In enforce mode it gets them; further ones of this policy are not told.");
    }
}
