using System.Buffers.Binary;
using Kvmi.Protocol;
using Kvmi.Protocol.Commands;
using Kvmi.Protocol.Dialects;

namespace Kvmi.Simulator.Kernel;

/// <summary>
/// VM commands, on the receiving thread (kvmi-later-dialects.md 3.6 and 4.2), and whether commands are answered at all (4.4).
/// Receiving thread only.
/// </summary>
internal sealed partial class VmCommands
{
    private const int PageSize = 4096;
    private readonly HookedVm _hook;
    private readonly KernelContext _context;
    private readonly byte[] _data = new byte[PageSize];

    public VmCommands(HookedVm hook)
    {
        _hook = hook;
        _context = hook.Context;
    }

    /// <summary>False while the tool has switched command replies off.</summary>
    public bool RepliesOn { get; private set; } = true;

    /// <summary>True when failures become CMD_ERROR events while replies are off.</summary>
    public bool ErrorEvents { get; private set; }

    private Dialect Dialect => _context.Rules.Dialect;

    /// <summary>Carries out a command that is known and allowed.</summary>
    public void Execute(in CommandContext command, ReadOnlySpan<byte> payload)
    {
        switch (command.Kind)
        {
            case CommandKind.GetVersion:
                _hook.ReplyData(
                    in command, _data.AsSpan(0, Dialect.WriteData(_data, _context.Rules.VersionOn(_context.Machine.Features, _context.Administrator))));
                break;
            case CommandKind.CheckCommand:
                CheckCommand(in command, payload);
                break;
            case CommandKind.CheckEvent:
                CheckEvent(in command, payload);
                break;
            case CommandKind.GetVmInfo:
                _hook.ReplyData(in command, _data.AsSpan(0, Dialect.WriteData(_data, new VmInfoReply((uint)_context.Workers.Count, 0))));
                break;
            case CommandKind.ControlVmEvents when Dialect.EventsAreMasks:
                ReplaceVmEvents(in command, payload);
                break;
            case CommandKind.ControlVmEvents:
                ControlVmEvents(in command, payload);
                break;
            case CommandKind.PauseAllVcpus:
                PauseAll(in command);
                break;
            case CommandKind.ReadPhysical:
                ReadPhysical(in command, payload);
                break;
            case CommandKind.WritePhysical:
                WritePhysical(in command, payload);
                break;
            case CommandKind.SetPageAccess:
                SetPageAccess(in command, payload);
                break;
            case CommandKind.GetMaxGfn:
                BinaryPrimitives.WriteUInt64LittleEndian(_data, _context.Machine.MemorySize / PageSize);
                _hook.ReplyData(in command, _data.AsSpan(0, 8));
                break;
            case CommandKind.ControlCleanup:
                ControlCleanup(in command, payload);
                break;
            case CommandKind.ControlCommandResponse:
                ControlCommandResponse(in command, payload);
                break;
            case CommandKind.GetMapToken:
                GetMapToken(in command);
                break;
            default:
                ExecuteExtra(in command, payload);
                break;
        }
    }

    private void CheckCommand(in CommandContext command, ReadOnlySpan<byte> payload)
    {
        if (!IsOk(in command, Dialect.Read(payload, out CheckCommand check)))
        {
            return;
        }

        var known = Dialect.TryGetCommand(check.Id, out var kind) && _context.Rules.Knows(kind);
        _hook.ReplyError(
            in command,
            !known ? _context.Rules.UnknownIdInCheck
            : _context.Administrator.Allows(kind) ? KvmiError.None : KvmiError.NotPermitted);
    }

    private void CheckEvent(in CommandContext command, ReadOnlySpan<byte> payload)
    {
        if (!IsOk(in command, Dialect.Read(payload, out CheckEvent check)))
        {
            return;
        }

        var known = Dialect.TryGetEvent(check.Id, out var kind);
        _hook.ReplyError(
            in command,
            !known ? _context.Rules.UnknownIdInCheck
            : _context.Administrator.Allows(kind) ? KvmiError.None : KvmiError.NotPermitted);
    }

    private void ControlVmEvents(in CommandContext command, ReadOnlySpan<byte> payload)
    {
        if (!IsOk(in command, Dialect.Read(payload, out ControlVmEvents control)))
        {
            return;
        }

        if (!Dialect.TryGetEvent(control.EventId, out var kind) || !Dialect.IsVmEvent(kind)
            || (_context.Rules.EnableIsChecked && control.Enable > 1))
        {
            _hook.ReplyError(in command, KvmiError.InvalidArgument);
            return;
        }

        if (!_context.Administrator.Allows(kind))
        {
            _hook.ReplyError(in command, KvmiError.NotPermitted);
            return;
        }

        _hook.SetVmEvent(kind, control.Enable != 0);
        if (control.Enable != 0 && kind != EventKind.Unhook)
        {
            _hook.NoteArmed();
        }

        _hook.ReplyError(in command, KvmiError.None);
        if (kind == EventKind.CreateVcpu)
        {
            _context.WakeAll();
        }
    }

    private void ReadPhysical(in CommandContext command, ReadOnlySpan<byte> payload)
    {
        if (!IsOk(in command, Dialect.Read(payload, out ReadPhysical read)))
        {
            return;
        }

        if (!IsInsideOnePage(read.Gpa, read.Size))
        {
            RefuseRange(in command);
            return;
        }

        var data = _data.AsSpan(0, (int)read.Size);
        if (!_context.Machine.TryReadPhysical(read.Gpa, data))
        {
            _hook.ReplyError(in command, _context.Rules.Traits.UnbackedMemory);
            return;
        }

        _hook.ReplyData(in command, data);
    }

    private void WritePhysical(in CommandContext command, ReadOnlySpan<byte> payload)
    {
        if (!IsOk(in command, Dialect.Read(payload, out WritePhysical write)))
        {
            return;
        }

        if (!IsInsideOnePage(write.Gpa, (ulong)write.Data.Length))
        {
            RefuseRange(in command);
            return;
        }

        var written = _context.Machine.TryWritePhysical(write.Gpa, write.Data);
        _hook.ReplyError(in command, written ? KvmiError.None : _context.Rules.Traits.UnbackedMemory);
    }

    // All entries are tried, the first error is the answer (3.6).
    private void SetPageAccess(in CommandContext command, ReadOnlySpan<byte> payload)
    {
        if (!IsOk(in command, Dialect.Read(payload, out SetPageAccess set)))
        {
            return;
        }

        if (ViewError(set.View) is var viewError and not KvmiError.None)
        {
            _hook.ReplyError(in command, viewError);
            return;
        }

        var result = KvmiError.None;
        for (var i = 0; i < set.Count; i++)
        {
            var error = set.TryGetEntry(i, out var gpa, out var access) && access <= (byte)PageAccess.All
                ? _hook.SetPageAccess(gpa, (PageAccess)access, set.View)
                : KvmiError.InvalidArgument;
            result = result == KvmiError.None ? error : result;
        }

        _hook.ReplyError(in command, result);
    }

    private void GetMapToken(in CommandContext command)
    {
        if (_context is not { Tokens: { } tokens, Rules.MapTokenLifetime: { } lifetime })
        {
            _hook.ReplyError(in command, KvmiError.NotSupported);
        }
        else if (!tokens.TryGrant(_context.Machine, lifetime, out var token))
        {
            _hook.ReplyError(in command, KvmiError.TryAgain);
        }
        else
        {
            _hook.ReplyData(in command, _data.AsSpan(0, Dialect.WriteData(_data, token)));
        }
    }

    private void ControlCleanup(in CommandContext command, ReadOnlySpan<byte> payload)
    {
        if (!IsOk(in command, Dialect.Read(payload, out ControlCleanup control)))
        {
            return;
        }

        if (control.Enable > 1)
        {
            _hook.ReplyError(in command, KvmiError.InvalidArgument);
            return;
        }

        _hook.CleansUp = control.Enable != 0;
        _hook.ReplyError(in command, KvmiError.None);
    }

    private void ControlCommandResponse(in CommandContext command, ReadOnlySpan<byte> payload)
    {
        if (!IsOk(in command, Dialect.Read(payload, out ControlCommandResponse control)))
        {
            return;
        }

        ErrorEvents = control.ErrorEvents;
        RepliesOn = control.Enable;
        var answered = control.Now ? control.Enable : command.Answer;
        _hook.ReplyError(command with { Answer = answered }, KvmiError.None);
    }

    private void ExecuteExtra(in CommandContext command, ReadOnlySpan<byte> payload)
    {
        var kind = command.Kind ?? throw new InvalidOperationException("A VM command has no kind.");
        if (TryExecuteView(in command, payload))
        {
            return;
        }

        var extra = _context.Rules.ReadExtra(kind, payload);
        if (IsOk(in command, extra.Status))
        {
            _hook.ReplyError(in command, extra.Answer);
        }
    }

    private bool IsOk(in CommandContext command, CommandStatus status)
    {
        switch (status)
        {
            case CommandStatus.Ok:
                return true;
            case CommandStatus.Close:
                _hook.Close($"a {command.Kind} command has a body that this kernel answers with a close");
                return false;
            default:
                _hook.ReplyError(in command, KvmiError.InvalidArgument);
                return false;
        }
    }

    private static bool IsInsideOnePage(ulong gpa, ulong size) => size is > 0 and <= PageSize && (gpa % PageSize) + size <= PageSize;
}
