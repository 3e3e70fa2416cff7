using Kvmi.Protocol;
using Kvmi.Protocol.Commands;
using Kvmi.Protocol.Dialects;

namespace Kvmi.Session.Vm;

/// <summary>EPT views, virtualization exceptions, sub-page protection, guest frames (kvmi-later-dialects.md 4.2).</summary>
internal sealed partial class VmConnection
{
    private static readonly CommandKind[] CompanionsOfNewChangeGfn =
        [CommandKind.GetNextAvailableGfn, CommandKind.CreateEptView, CommandKind.DestroyEptView];

    /// <inheritdoc/>
    public KvmiError GetEptView(ushort vcpu, out ushort view)
    {
        var error = RunVcpuNumber(CommandKind.GetEptView, vcpu, out var number);
        view = (ushort)number;
        return error;
    }

    /// <inheritdoc/>
    public KvmiError SwitchEptView(ushort vcpu, ushort view)
    {
        using var custody = Begin(CommandKind.SwitchEptView);
        return Run(CommandKind.SwitchEptView, _dialect.Write(_channel.Output, _sequence, new SwitchEptView(vcpu, view)));
    }

    /// <inheritdoc/>
    public KvmiError ControlEptView(ushort vcpu, ushort view, bool visible)
    {
        using var custody = Begin(CommandKind.ControlEptView);
        return Run(CommandKind.ControlEptView, _dialect.Write(_channel.Output, _sequence, new ControlEptView(vcpu, view, Flag(visible))));
    }

    /// <inheritdoc/>
    public KvmiError CreateEptView(out ushort view)
    {
        using var custody = Begin(CommandKind.CreateEptView);
        var length = _dialect.WriteEmpty(_channel.Output, _sequence, CommandKind.CreateEptView);
        var error = RunNumber(CommandKind.CreateEptView, length, out var number);
        view = (ushort)number;
        return error;
    }

    /// <inheritdoc/>
    public KvmiError DestroyEptView(ushort view)
    {
        using var custody = Begin(CommandKind.DestroyEptView);
        return Run(CommandKind.DestroyEptView, _dialect.Write(_channel.Output, _sequence, new DestroyEptView(view)));
    }

    /// <inheritdoc/>
    public KvmiError SetVeInfoPage(ushort vcpu, ulong gpa, bool triggerVmExit)
    {
        using var custody = Begin(CommandKind.SetVeInfoPage);
        return Run(
            CommandKind.SetVeInfoPage, _dialect.Write(_channel.Output, _sequence, new SetVeInfoPage(vcpu, gpa, Flag(triggerVmExit))));
    }

    /// <inheritdoc/>
    public KvmiError DisableVe(ushort vcpu)
    {
        using var custody = Begin(CommandKind.DisableVe);
        return Run(CommandKind.DisableVe, _dialect.WriteVcpuOnly(_channel.Output, _sequence, CommandKind.DisableVe, vcpu));
    }

    /// <inheritdoc/>
    public KvmiError SetPageSve(ushort view, ulong gpa, bool suppress)
    {
        using var custody = Begin(CommandKind.SetPageSve);
        return Run(CommandKind.SetPageSve, _dialect.Write(_channel.Output, _sequence, new SetPageSve(view, Flag(suppress), gpa)));
    }

    /// <inheritdoc/>
    public KvmiError ControlSpp(bool enable)
    {
        using var custody = Begin(CommandKind.ControlSpp);
        return Run(CommandKind.ControlSpp, _dialect.Write(_channel.Output, _sequence, new ControlSpp(Flag(enable))));
    }

    /// <inheritdoc/>
    public KvmiError SetPageWriteBitmap(ReadOnlySpan<PageWriteBitmapEntry> entries)
    {
        var first = KvmiError.None;
        while (!entries.IsEmpty)
        {
            using var custody = Begin(CommandKind.SetPageWriteBitmap);
            var part = entries[..Math.Min(entries.Length, _dialect.MaxPageAccessEntries)];
            var error = Run(CommandKind.SetPageWriteBitmap, _dialect.WriteSetPageWriteBitmap(_channel.Output, _sequence, 0, part));
            first = first == KvmiError.None ? error : first;
            entries = entries[part.Length..];
        }

        return first;
    }

    /// <inheritdoc/>
    public KvmiError GetNextAvailableGfn(out ulong gfn)
    {
        using var custody = Begin(CommandKind.GetNextAvailableGfn);
        var length = _dialect.WriteEmpty(_channel.Output, _sequence, CommandKind.GetNextAvailableGfn);
        return RunNumber(CommandKind.GetNextAvailableGfn, length, out gfn);
    }

    /// <inheritdoc/>
    public KvmiError QueryPhysical(ulong gfn, out PhysicalExtent extent)
    {
        using var custody = Begin(CommandKind.QueryPhysical);
        extent = default;
        var error = Run(CommandKind.QueryPhysical, _dialect.Write(_channel.Output, _sequence, new QueryPhysical(gfn)), out var data);
        return error == KvmiError.None && _dialect.ReadReply(data, out extent) != DecodeStatus.Ok
            ? throw Malformed(CommandKind.QueryPhysical, data.Length, 16)
            : error;
    }

    /// <inheritdoc/>
    public KvmiError AllocGfn(ulong gfn)
    {
        using var custody = Begin(CommandKind.AllocGfn);
        return Run(CommandKind.AllocGfn, _dialect.Write(_channel.Output, _sequence, new AllocGfn(0, gfn)));
    }

    /// <inheritdoc/>
    public KvmiError FreeGfn(ulong gfn)
    {
        using var custody = Begin(CommandKind.FreeGfn);
        return Run(CommandKind.FreeGfn, _dialect.Write(_channel.Output, _sequence, new FreeGfn(0, gfn)));
    }

    /// <inheritdoc/>
    public KvmiError ChangeGfn(ushort vcpu, ushort view, ulong oldGfn, ulong newGfn)
    {
        using var custody = Begin(CommandKind.ChangeGfn);
        var command = new ChangeGfn(vcpu, view, oldGfn, newGfn);
        if (Array.TrueForAll(CompanionsOfNewChangeGfn, kind => Has(kind) && !Capabilities.AbsentCommands.Contains(kind)))
        {
            return Run(CommandKind.ChangeGfn, _dialect.Write(_channel.Output, _sequence, in command));
        }

        return view == 0
            ? Run(CommandKind.ChangeGfn, _dialect.WriteOldChangeGfn(_channel.Output, _sequence, in command))
            : throw new ArgumentException("This kernel takes the CHANGE_GFN from before December 2023, which has no view.", nameof(view));
    }
}
