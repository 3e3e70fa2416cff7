using Kvmi.Protocol;
using Kvmi.Protocol.Commands;
using Kvmi.Simulator.Machine;

namespace Kvmi.Simulator.Kernel;

/// <summary>vCPU commands for views and #VE on a machine that has views (kvmi-later-dialects.md 4.2); without, the captured errors stay.</summary>
internal sealed partial class VcpuWorker
{
    private const ulong NoFrame = ulong.MaxValue;
    private const int PageShift = 12;

    private bool TryExecuteView(in VcpuJob job, IVcpuViews views)
    {
        switch (job.Command.Kind)
        {
            case CommandKind.GetEptView:
                ReplyNumber(in job, (ulong)views.Current);
                return true;
            case CommandKind.SwitchEptView:
                SwitchView(in job, views);
                return true;
            case CommandKind.ControlEptView:
                ControlView(in job, views);
                return true;
            case CommandKind.SetVeInfoPage:
                SetVeInfoPage(in job, views);
                return true;
            case CommandKind.DisableVe:
                views.DisableVe();
                Answer(in job, KvmiError.None);
                return true;
            case CommandKind.ChangeGfn:
                ChangeFrame(in job);
                return true;
            default:
                return false;
        }
    }

    private void SwitchView(in VcpuJob job, IVcpuViews views)
    {
        if (IsOk(in job, Dialect.Read(job.Payload, out SwitchEptView command)))
        {
            Answer(in job, views.TrySwitch(command.View) ? KvmiError.None : KvmiError.InvalidArgument);
        }
    }

    private void ControlView(in VcpuJob job, IVcpuViews views)
    {
        if (IsOk(in job, Dialect.Read(job.Payload, out ControlEptView command)))
        {
            Answer(in job, views.TrySetVisible(command.View, command.Visible != 0) ? KvmiError.None : KvmiError.InvalidArgument);
        }
    }

    private void SetVeInfoPage(in VcpuJob job, IVcpuViews views)
    {
        if (IsOk(in job, Dialect.Read(job.Payload, out SetVeInfoPage command)))
        {
            Answer(in job, views.TryEnableVe(command.Gpa, command.TriggerVmExit != 0) ? KvmiError.None : KvmiError.InvalidArgument);
        }
    }

    private void ChangeFrame(in VcpuJob job)
    {
        if (!IsOk(in job, Dialect.Read(job.Payload, out ChangeGfn command)))
        {
            return;
        }

        // The layout without a view is read as view 0.
        Answer(in job, command.NewGfn == NoFrame ? KvmiError.NotPermitted : job.Hook.EditViews(views => Replace(views, in command)));
    }

    private static KvmiError Replace(IMachineViews views, in ChangeGfn command)
    {
        if (command.View >= views.Count)
        {
            return KvmiError.InvalidArgument;
        }

        // A number whose address does not fit into 64 bits is no memory either.
        const ulong Most = ulong.MaxValue >> PageShift;
        return command.OldGfn <= Most && command.NewGfn <= Most
            && views.TryReplaceFrame(command.View, command.OldGfn << PageShift, command.NewGfn << PageShift)
            ? KvmiError.None
            : KvmiError.NoEntry;
    }
}
