using Kvmi.Protocol;
using Kvmi.Protocol.Commands;
using Kvmi.Simulator.Machine;

namespace Kvmi.Simulator.Kernel;

/// <summary>
/// VM commands for views, sub-pages and #VE on a machine that has them (kvmi-later-dialects.md 4.2). No captured kernel had; what is answered where the
/// document is silent is listed in differences.md.
/// </summary>
internal sealed partial class VmCommands
{
    private bool TryExecuteView(in CommandContext command, ReadOnlySpan<byte> payload)
    {
        var features = _context.Machine.Features;
        switch (command.Kind)
        {
            case CommandKind.ControlSpp when (features & MachineFeatures.SubPageProtection) != 0:
                ControlSpp(in command, payload);
                return true;
            case CommandKind.SetPageWriteBitmap when (features & MachineFeatures.SubPageProtection) != 0:
                SetPageWriteBitmap(in command, payload);
                return true;
            case CommandKind.SetPageSve when (features & MachineFeatures.VirtualizationExceptions) != 0:
                SetPageSve(in command, payload);
                return true;
            default:
                return false;
        }
    }

    /// <summary>The error for a view that cannot be named: −EOPNOTSUPP without views (captured), −EINVAL for one too many.</summary>
    private KvmiError ViewError(ushort view) =>
        view == 0 ? KvmiError.None
        : _context.Machine.Views is not { } views ? KvmiError.NotSupported
        : view < views.Count ? KvmiError.None : KvmiError.InvalidArgument;

    private void ControlSpp(in CommandContext command, ReadOnlySpan<byte> payload)
    {
        if (!IsOk(in command, Dialect.Read(payload, out ControlSpp control)))
        {
            return;
        }

        _hook.ReplyError(in command, _hook.EditViews(views =>
        {
            views.SubPageProtection = control.Enable != 0;
            return KvmiError.None;
        }));
    }

    // As for SET_PAGE_ACCESS: all entries are tried, the first error is the answer.
    private void SetPageWriteBitmap(in CommandContext command, ReadOnlySpan<byte> payload)
    {
        if (!IsOk(in command, Dialect.Read(payload, out SetPageWriteBitmap set)))
        {
            return;
        }

        if (set.View != 0)
        {
            _hook.ReplyError(in command, KvmiError.NotSupported);
            return;
        }

        var result = KvmiError.None;
        for (var i = 0; i < set.Count; i++)
        {
            var error = set.TryGetEntry(i, out var entry) ? _hook.SetWriteBitmap(entry.Gpa, entry.Bitmap) : KvmiError.InvalidArgument;
            result = result == KvmiError.None ? error : result;
        }

        _hook.ReplyError(in command, result);
    }

    private void SetPageSve(in CommandContext command, ReadOnlySpan<byte> payload)
    {
        if (!IsOk(in command, Dialect.Read(payload, out SetPageSve set)))
        {
            return;
        }

        var error = ViewError(set.View);
        if (error == KvmiError.None)
        {
            error = _hook.EditViews(views =>
                views.TrySetSuppressVe(set.View, set.Gpa, set.Suppress != 0) ? KvmiError.None : KvmiError.NoEntry);
        }

        _hook.ReplyError(in command, error);
    }
}
