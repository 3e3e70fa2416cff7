using Kvmi.Protocol;
using Kvmi.Protocol.Commands;

namespace Kvmi.Simulator.Kernel;

/// <content>VM commands that only rfc-v5 has, or has otherwise (rfc-v5 3.8, 3.14 and 3.15).</content>
internal sealed partial class VmCommands
{
    private const uint VmEventBits = (1u << (int)EventKind.Unhook) | (1u << (int)EventKind.CreateVcpu);

    private void ReplaceVmEvents(in CommandContext command, ReadOnlySpan<byte> payload)
    {
        if (!IsOk(in command, Dialect.Read(payload, out ControlVmEventMask control)))
        {
            return;
        }

        var error = CheckEventMask(_context, control.Events, VmEventBits);
        if (error == KvmiError.None)
        {
            _hook.ReplaceVmEvents(control.Events);
            if ((control.Events & (1u << (int)EventKind.CreateVcpu)) != 0)
            {
                _hook.NoteArmed();
            }
        }

        _hook.ReplyError(in command, error);
        _context.WakeAll();
    }

    /// <summary>The two errors of an event mask, in their order (rfc-v5 3.11 and 3.14).</summary>
    public static KvmiError CheckEventMask(KernelContext context, uint events, uint possible)
    {
        if ((events & ~possible) != 0)
        {
            return KvmiError.InvalidArgument;
        }

        for (var id = 0; id < 32; id++)
        {
            if ((events & (1u << id)) != 0 && !context.Administrator.Allows((EventKind)id))
            {
                return KvmiError.NotPermitted;
            }
        }

        return KvmiError.None;
    }

    // The reply proves nothing: each vCPU's own event does (3.15). An uninitialised vCPU is counted too.
    private void PauseAll(in CommandContext command)
    {
        var workers = _context.Workers;
        foreach (var worker in workers)
        {
            worker.PostPause(_hook);
        }

        _hook.NoteArmed();
        _hook.ReplyData(in command, _data.AsSpan(0, Dialect.WritePauseAllData(_data, (uint)workers.Count)));
    }

    private void RefuseRange(in CommandContext command)
    {
        if (_context.Rules.Traits.BadRangeCloses)
        {
            _hook.Close($"a {command.Kind} command leaves its page or has no bytes, which this kernel fails without a reply");
        }
        else
        {
            _hook.ReplyError(in command, KvmiError.InvalidArgument);
        }
    }
}
