using Kvmi.Protocol;

namespace Kvmi.Policy.Testing.Guests;

/// <content>EPT views: none from the start but view 0, any number that a policy makes.</content>
public sealed partial class FakeVm
{
    private readonly Dictionary<ushort, Dictionary<ulong, PageAccess>> _views = [];
    private ushort _lastView;

    /// <summary>Access in force in a view for the page that contains the address.</summary>
    /// <param name="view">The view; <see cref="PageAccess.All"/> is the answer for one that does not exist.</param>
    /// <param name="gpa">Guest-physical address.</param>
    public PageAccess AccessOf(ushort view, ulong gpa) =>
        view == 0 ? AccessOf(gpa)
        : _views.TryGetValue(view, out var pages) ? pages.GetValueOrDefault(gpa & ~(FakeMemory.PageSize - 1UL), PageAccess.All)
        : PageAccess.All;

    /// <inheritdoc/>
    public KvmiError GetEptView(ushort vcpu, out ushort view)
    {
        var error = ForVcpu(vcpu, CommandKind.GetEptView, $"get-ept-view vcpu={vcpu}");
        view = error == KvmiError.None ? _vcpus[vcpu].View : (ushort)0;
        return error;
    }

    /// <inheritdoc/>
    public KvmiError SwitchEptView(ushort vcpu, ushort view)
    {
        var error = ForVcpu(vcpu, CommandKind.SwitchEptView, $"switch-ept-view vcpu={vcpu} view={view}");
        if (error == KvmiError.None && view != 0 && !_views.ContainsKey(view))
        {
            error = KvmiError.InvalidArgument;
        }

        if (error == KvmiError.None)
        {
            _vcpus[vcpu].View = view;
        }

        return error;
    }

    /// <inheritdoc/>
    public KvmiError CreateEptView(out ushort view)
    {
        view = 0;
        var error = Answer(CommandKind.CreateEptView, $"create-ept-view");
        if (error == KvmiError.None)
        {
            view = ++_lastView;
            _views.Add(view, []);
        }

        return error;
    }

    /// <inheritdoc/>
    public KvmiError DestroyEptView(ushort view)
    {
        var error = Answer(CommandKind.DestroyEptView, $"destroy-ept-view view={view}");
        return error != KvmiError.None || _views.Remove(view) ? error : KvmiError.InvalidArgument;
    }

    /// <inheritdoc/>
    public KvmiError SetPageAccess(ushort view, ReadOnlySpan<PageAccessEntry> entries)
    {
        if (view == 0)
        {
            return SetPageAccess(entries);
        }

        var error = Answer(CommandKind.SetPageAccess, $"set-page-access view={view} {entries.Length} pages");
        if (error != KvmiError.None || !_views.TryGetValue(view, out var pages))
        {
            return error != KvmiError.None ? error : KvmiError.InvalidArgument;
        }

        foreach (var entry in entries)
        {
            pages[entry.Gpa & ~(FakeMemory.PageSize - 1UL)] = entry.Access;
        }

        return KvmiError.None;
    }
}
