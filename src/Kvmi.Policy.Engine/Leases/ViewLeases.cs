using Kvmi.Protocol;
using Kvmi.Session.Vm;

namespace Kvmi.Policy.Engine.Leases;

/// <summary>
/// Which vCPUs run in another EPT view, for whom, and whose each view is. A vCPU and a view have one owner at a time. Switching a vCPU to a view that
/// its owner has already allocates nothing. For the VM's owner thread.
/// </summary>
internal sealed class ViewLeases
{
    /// <summary>Views of all policies of one VM at most. Each costs the kernel page tables of its own, and each change of page rights a command.</summary>
    public const int MaxViews = 16;

    private readonly IIntrospectedVm _vm;
    private readonly PageLeases _pages;
    private readonly Action<LeaseFault> _report;
    private readonly List<View> _views = [];
    private Place[] _places = [];

    public ViewLeases(IIntrospectedVm vm, PageLeases pages, Action<LeaseFault> report)
    {
        _vm = vm;
        _pages = pages;
        _report = report;
    }

    /// <summary>The view to which the owner has switched the vCPU; null when it has not.</summary>
    public ushort? Get(LeaseOwner owner, ushort vcpu) =>
        vcpu < _places.Length && ReferenceEquals(_places[vcpu].Owner, owner) ? _places[vcpu].View : null;

    /// <summary>Makes a view.</summary>
    /// <returns>The kernel's error, or NoMemory beyond <see cref="MaxViews"/>; then there is none.</returns>
    public KvmiError Create(LeaseOwner owner, out ushort view)
    {
        view = 0;
        if (_views.Count >= MaxViews)
        {
            return KvmiError.NoMemory;
        }

        var error = _vm.CreateEptView(out var created);
        if (error != KvmiError.None)
        {
            return error;
        }

        if (created == 0 || Find(created) is not null)
        {
            // Not destroyed: it is the default one, or somebody's.
            _report(new LeaseFault($"The kernel says that it has made view {created}, which existed", KvmiError.None));
            return KvmiError.InvalidArgument;
        }

        error = _pages.AddView(created, owner);
        if (error != KvmiError.None)
        {
            Destroy(created);
            return error;
        }

        _views.Add(new View(created, owner, IsCreated: true));
        view = created;
        return KvmiError.None;
    }

    /// <summary>Switches a vCPU to a view, which becomes the owner's when it is nobody's.</summary>
    /// <param name="owner">Who wants it.</param>
    /// <param name="vcpu">The vCPU.</param>
    /// <param name="view">The view, not 0.</param>
    /// <param name="other">The owner of the view or the vCPU when it is another one.</param>
    /// <returns>Busy when it is another one's, or the kernel's error; then everything is as it was.</returns>
    public KvmiError Switch(LeaseOwner owner, ushort vcpu, ushort view, out LeaseOwner? other)
    {
        other = null;
        if (vcpu >= _vm.VcpuCount)
        {
            return KvmiError.InvalidArgument;
        }

        if (vcpu >= _places.Length)
        {
            Array.Resize(ref _places, _vm.VcpuCount);
        }

        var taken = Find(view);
        other = taken is not null && !ReferenceEquals(taken.Owner, owner) ? taken.Owner
            : _places[vcpu].Owner is { } holder && !ReferenceEquals(holder, owner) ? holder : null;
        if (other is not null)
        {
            return KvmiError.Busy;
        }

        var place = _places[vcpu];
        if (place.Owner is not null && place.View == view)
        {
            return KvmiError.None;
        }

        if (taken is null && _views.Count >= MaxViews)
        {
            return KvmiError.NoMemory;
        }

        if (place.Owner is null && _vm.GetEptView(vcpu, out place.Former) is var unknown and not KvmiError.None)
        {
            return unknown;
        }

        // Before the vCPU is in it: what others guard must never be open.
        if (taken is null && _pages.AddView(view, owner) is var refused and not KvmiError.None)
        {
            return refused;
        }

        var error = _vm.SwitchEptView(vcpu, view);
        if (error != KvmiError.None)
        {
            if (taken is null)
            {
                Report(_pages.RemoveView(view, open: true), $"opening the pages of view {view}");
            }

            return error;
        }

        if (taken is null)
        {
            _views.Add(new View(view, owner, IsCreated: false));
        }

        place.Owner = owner;
        place.View = view;
        _places[vcpu] = place;
        return KvmiError.None;
    }

    /// <summary>Switches a vCPU back to where it was. Nothing, when the owner has not switched it.</summary>
    /// <returns>The kernel's error; the vCPU is then the owner's still.</returns>
    public KvmiError Back(LeaseOwner owner, ushort vcpu)
    {
        if (Get(owner, vcpu) is null)
        {
            return KvmiError.None;
        }

        var error = _vm.SwitchEptView(vcpu, _places[vcpu].Former);
        if (error == KvmiError.None)
        {
            _places[vcpu] = default;
        }

        return error;
    }

    /// <summary>Switches all vCPUs of an owner back, then gives up its views.</summary>
    public void Release(LeaseOwner owner)
    {
        for (var vcpu = 0; vcpu < _places.Length; vcpu++)
        {
            var error = Back(owner, (ushort)vcpu);
            if (error != KvmiError.None)
            {
                _places[vcpu] = default;
                Report(error, $"switching vCPU {vcpu} back from the view of {owner.PolicyId}");
            }
        }

        ReleaseIdle(owner);
    }

    /// <summary>Gives up the views of an owner that none of its vCPUs is in: its successor after a reload cannot know of them.</summary>
    public void ReleaseIdle(LeaseOwner owner)
    {
        for (var i = _views.Count - 1; i >= 0; i--)
        {
            var view = _views[i];
            if (!ReferenceEquals(view.Owner, owner) || IsInUse(view.Number))
            {
                continue;
            }

            _views.RemoveAt(i);
            Report(_pages.RemoveView(view.Number, open: !view.IsCreated), $"opening the pages of view {view.Number}");
            if (view.IsCreated)
            {
                Destroy(view.Number);
            }
        }
    }

    /// <summary>A vCPU exists anew: it is in view 0, and nobody has switched it.</summary>
    public void VcpuCreated(ushort vcpu)
    {
        if (vcpu < _places.Length)
        {
            _places[vcpu] = default;
        }
    }

    private View? Find(ushort number)
    {
        foreach (var view in _views)
        {
            if (view.Number == number)
            {
                return view;
            }
        }

        return null;
    }

    private bool IsInUse(ushort view)
    {
        foreach (ref readonly var place in _places.AsSpan())
        {
            if (place.Owner is not null && place.View == view)
            {
                return true;
            }
        }

        return false;
    }

    private void Destroy(ushort view) => Report(_vm.DestroyEptView(view), $"destroying view {view}");

    private void Report(KvmiError error, string what)
    {
        if (error != KvmiError.None)
        {
            _report(new LeaseFault(what, error));
        }
    }

    private sealed record View(ushort Number, LeaseOwner Owner, bool IsCreated);

    private struct Place
    {
        public LeaseOwner? Owner;
        public ushort View;
        public ushort Former;
    }
}
