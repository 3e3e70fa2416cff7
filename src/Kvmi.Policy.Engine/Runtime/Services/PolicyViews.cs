using System.Globalization;
using Kvmi.Policy.Engine.Leases;
using Kvmi.Protocol;

namespace Kvmi.Policy.Engine.Runtime.Services;

/// <summary>The EPT views of one policy instance.</summary>
internal sealed class PolicyViews : IViewLeases
{
    private readonly VmContext _context;
    private readonly PolicyInstance _policy;
    private bool _auditTold;
    private bool _refusalTold;

    public PolicyViews(VmContext context, PolicyInstance policy)
    {
        _context = context;
        _policy = policy;
    }

    public bool IsSupported => _context.Offers(CommandKind.SwitchEptView) && _context.Offers(CommandKind.GetEptView);

    private bool CanCreate => IsSupported && _context.Offers(CommandKind.CreateEptView) && _context.Offers(CommandKind.DestroyEptView);

    public bool TryCreate(out ushort view)
    {
        view = 0;
        using var custody = _context.Foreign.Enter();
        if (!_policy.Enforcing)
        {
            TellAudit("made an EPT view");
            return false;
        }

        if (_policy.Owner is not { } owner || !CanCreate)
        {
            return false;
        }

        var error = _context.Views.Create(owner, out view);
        if (error != KvmiError.None)
        {
            TellRefusal("gets no EPT view", null, error);
        }

        return error == KvmiError.None;
    }

    public bool Switch(ushort vcpu, ushort view)
    {
        if (view == 0)
        {
            throw new ArgumentOutOfRangeException(nameof(view), view, "View 0 is the default one: Views.Back leads back to it.");
        }

        using var custody = _context.Foreign.Enter();
        if (!_policy.Enforcing)
        {
            if (!_auditTold)
            {
                TellAudit(string.Create(CultureInfo.InvariantCulture, $"switched vCPU {vcpu} to EPT view {view}"));
            }

            return false;
        }

        if (_policy.Owner is not { } owner || !IsSupported)
        {
            return false;
        }

        var error = _context.Views.Switch(owner, vcpu, view, out var other);
        if (error != KvmiError.None && !_refusalTold)
        {
            TellRefusal(string.Create(CultureInfo.InvariantCulture, $"cannot switch vCPU {vcpu} to EPT view {view}"), other, error);
        }

        return error == KvmiError.None;
    }

    public bool Back(ushort vcpu)
    {
        using var custody = _context.Foreign.Enter();
        return _policy.Owner is not { } owner || _context.Views.Back(owner, vcpu) == KvmiError.None;
    }

    public ushort? Get(ushort vcpu) => _policy.Owner is { } owner ? _context.Views.Get(owner, vcpu) : null;

    private void TellAudit(string what)
    {
        if (!_auditTold)
        {
            _auditTold = true;
            _context.Status("would-switch-view", _policy.Id, $"Policy {_policy.Id} would have {what}; in audit mode it does not. Told once.");
        }
    }

    private void TellRefusal(string what, LeaseOwner? other, KvmiError error)
    {
        if (!_refusalTold)
        {
            _refusalTold = true;
            var why = other is not null ? $"policy {other.PolicyId} has the view or the vCPU" : $"the answer was {error} ({(int)error})";
            _context.Status("view-refused", _policy.Id, $"Policy {_policy.Id} {what}: {why}. Told once.");
        }
    }
}
