using Kvmi.Protocol;

namespace Kvmi.Policy.Engine.Runtime.Services;

/// <summary>The page leases of one policy instance.</summary>
internal sealed class PolicyPages : IPageLeases
{
    private readonly VmContext _context;
    private readonly PolicyInstance _policy;

    public PolicyPages(VmContext context, PolicyInstance policy)
    {
        _context = context;
        _policy = policy;
    }

    public bool Set(ulong gpa, PageAccess access)
    {
        if (!_policy.Demand.PageFaults)
        {
            throw new InvalidOperationException(
                $"Policy {_policy.Id} restricts a page but subscribes to no pf event and watches no range, so it would never hear of "
                + "the access.");
        }

        using var custody = _context.Foreign.Enter();

        // Who takes a right away wants to see what is there from then on.
        _context.Memory.Cache.Forget();

        // An instance that another one has followed, or that is in quarantine, owns nothing any more; one above its rate may have lost its pages.
        return _policy.Owner is { } owner
            && (!_policy.PagesReleased || access == PageAccess.All)
            && _context.Offers(CommandKind.SetPageAccess)
            && _context.Pages.Set(owner, gpa, access) == KvmiError.None;
    }

    public bool Release(ulong gpa)
    {
        using var custody = _context.Foreign.Enter();
        _context.Memory.Cache.Forget();
        return _policy.Owner is { } owner && _context.Pages.Set(owner, gpa, PageAccess.All) == KvmiError.None;
    }

    public PageAccess Get(ulong gpa)
    {
        using var custody = _context.Foreign.Enter();
        return _policy.Owner is { } owner ? _context.Pages.Get(owner, gpa) : PageAccess.All;
    }
}
