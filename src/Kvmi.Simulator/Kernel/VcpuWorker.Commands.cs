using System.Buffers.Binary;
using Kvmi.Protocol;
using Kvmi.Protocol.Commands;

namespace Kvmi.Simulator.Kernel;

/// <summary>
/// vCPU commands, on the vCPU's thread (kvmi-later-dialects.md 3.7 and 4.2), and the switches that they set. Each switch belongs to
/// this vCPU alone; a register is intercepted when its event and the register are both on (3.10, 6).
/// </summary>
internal sealed partial class VcpuWorker
{
    private const int XsaveLength = 4096;
    private const byte MaxVector = 31;
    private static readonly int[] ControllableCrs = [0, 3, 4];

    private byte[] _data = new byte[8192];
    private readonly HashSet<uint> _controlledMsrs = [];
    private uint _enabledEvents;
    private uint _controlledCrs;
    private bool _trapOutstanding;

    private Kvmi.Protocol.Dialects.Dialect Dialect => _context.Rules.Dialect;

    private KernelTraits Traits => _context.Rules.Traits;

    private bool IsEnabled(EventKind kind) => (_enabledEvents & (1u << (int)kind)) != 0;

    /// <summary>Ends the interception, unless the tool asked to keep it (CONTROL_CLEANUP); stepping ends in any case.</summary>
    private void DropTraps(HookedVm hook)
    {
        if (hook.CleansUp)
        {
            _vcpu.Traps.Clear();
        }
        else
        {
            _vcpu.Traps.Singlestep = false;
        }
    }

    private void ForgetSettings()
    {
        _enabledEvents = 0;
        _controlledCrs = 0;
        _controlledMsrs.Clear();
        _trapOutstanding = false;
        ForgetTracking();
    }

    private void ExecuteCommand(in VcpuJob job)
    {
        switch (job.Command.Kind)
        {
            case CommandKind.GetVcpuInfo:
                ReplyNumber(in job, _context.Machine.TscFrequency);
                break;
            case CommandKind.GetVmInfo:
                GetVmInfo(in job);
                break;
            case CommandKind.GetPageAccess:
                GetPageAccess(in job);
                break;
            case CommandKind.SetPageAccess:
                SetPageAccess(in job);
                break;
            case CommandKind.ControlEvents when Dialect.EventsAreMasks:
                ReplaceEvents(in job);
                break;
            case CommandKind.ControlEvents:
                ControlEvents(in job);
                break;
            case CommandKind.ControlCr:
                ControlCr(in job);
                break;
            case CommandKind.ControlMsr:
                ControlMsr(in job);
                break;
            case CommandKind.GetRegisters:
                GetRegisters(in job);
                break;
            case CommandKind.SetRegisters:
                SetRegisters(in job);
                break;
            case CommandKind.GetCpuid:
                GetCpuid(in job);
                break;
            case CommandKind.InjectException:
                InjectException(in job);
                break;
            case CommandKind.TranslateGva:
                TranslateGva(in job);
                break;
            case CommandKind.ControlSinglestep:
                ControlSinglestep(in job);
                break;
            default:
                ExecuteExtra(in job);
                break;
        }
    }

    private void ControlEvents(in VcpuJob job)
    {
        if (!IsOk(in job, Dialect.Read(job.Payload, out ControlEvents command)))
        {
            return;
        }

        if (!Dialect.TryGetEvent(command.EventId, out var kind) || Dialect.IsVmEvent(kind)
            || (_context.Rules.EnableIsChecked && command.Enable > 1))
        {
            Answer(in job, KvmiError.InvalidArgument);
            return;
        }

        if (!_context.Administrator.Allows(kind))
        {
            Answer(in job, KvmiError.NotPermitted);
            return;
        }

        var bit = 1u << (int)kind;
        _enabledEvents = command.Enable != 0 ? _enabledEvents | bit : _enabledEvents & ~bit;
        ArmTraps();
        Armed(in job, command.Enable);
    }

    private void ControlCr(in VcpuJob job)
    {
        if (!IsOk(in job, Dialect.Read(job.Payload, out ControlCr command)))
        {
            return;
        }

        if (!_context.Rules.IsControllableCr(command.Cr) || (_context.Rules.EnableIsChecked && command.Enable > 1))
        {
            Answer(in job, KvmiError.InvalidArgument);
            return;
        }

        var bit = 1u << (int)command.Cr;
        _controlledCrs = command.Enable != 0 ? _controlledCrs | bit : _controlledCrs & ~bit;
        ArmTraps();
        Armed(in job, command.Enable);
    }

    private void ControlMsr(in VcpuJob job)
    {
        if (!IsOk(in job, Dialect.Read(job.Payload, out ControlMsr command)))
        {
            return;
        }

        if (!_context.Rules.IsControllableMsr(command.Msr) || (_context.Rules.EnableIsChecked && command.Enable > 1))
        {
            Answer(in job, KvmiError.InvalidArgument);
            return;
        }

        if (command.Enable != 0)
        {
            _controlledMsrs.Add(command.Msr);
        }
        else if (_controlledMsrs.Remove(command.Msr))
        {
            _vcpu.Traps.TrySetMsr(command.Msr, false);
        }

        ArmTraps();
        Armed(in job, command.Enable);
    }

    private void ArmTraps()
    {
        var traps = _vcpu.Traps;
        traps.Breakpoint = IsEnabled(EventKind.Breakpoint);
        traps.Descriptor = IsEnabled(EventKind.Descriptor);
        traps.Hypercall = true;
        traps.Xsetbv = IsEnabled(EventKind.Xsetbv);
        traps.Cpuid = IsEnabled(EventKind.Cpuid);
        foreach (var cr in ControllableCrs)
        {
            traps.TrySetCr(cr, IsEnabled(EventKind.Cr) && (_controlledCrs & (1u << cr)) != 0 && (cr != 3 || Traits.InterceptsCr3));
        }

        foreach (var msr in _controlledMsrs)
        {
            traps.TrySetMsr(msr, IsEnabled(EventKind.Msr));
        }
    }

    private void GetCpuid(in VcpuJob job)
    {
        if (!IsOk(in job, Dialect.Read(job.Payload, out GetCpuid command)))
        {
            return;
        }

        if (!_vcpu.TryGetCpuid(command.Function, command.Index, out var reply))
        {
            Answer(in job, KvmiError.NoEntry);
            return;
        }

        job.Hook.ReplyData(job.Command, _data.AsSpan(0, Dialect.WriteData(_data, in reply)));
    }

    private void TranslateGva(in VcpuJob job)
    {
        if (IsOk(in job, Dialect.Read(job.Payload, out TranslateGva command)))
        {
            ReplyNumber(in job, _vcpu.TryTranslate(command.Gva, out var gpa) ? gpa : ulong.MaxValue);
        }
    }

    private void ExecuteExtra(in VcpuJob job)
    {
        var kind = job.Command.Kind ?? throw new InvalidOperationException("A queued vCPU command has no kind.");
        if (_vcpu.Views is { } views && TryExecuteView(in job, views))
        {
            return;
        }

        var command = _context.Rules.ReadExtra(kind, job.Payload);
        if (!IsOk(in job, command.Status))
        {
            return;
        }

        if (command.Answer != KvmiError.None)
        {
            Answer(in job, command.Answer);
            return;
        }

        switch (kind)
        {
            case CommandKind.GetMtrrType:
                ReplyNumber(in job, _vcpu.GetMtrrType(command.Number));
                break;
            case CommandKind.GetEptView:
                ReplyNumber(in job, 0);
                break;
            case CommandKind.GetXcr when command.Number == 0 && _vcpu.TryGetXcr(0, out var value):
                ReplyNumber(in job, value);
                break;
            case CommandKind.GetXcr:
                Answer(in job, KvmiError.InvalidArgument);
                break;
            case CommandKind.GetXsave:
                _data.AsSpan(0, XsaveLength).Clear();
                _vcpu.GetXsave(_data);
                job.Hook.ReplyData(job.Command, _data.AsSpan(0, XsaveLength));
                break;
            case CommandKind.SetXsave:
                var area = command.DataLength == 0 ? default : job.Payload.Slice(command.DataOffset, command.DataLength);
                Answer(in job, _vcpu.TrySetXsave(area) ? KvmiError.None : KvmiError.InvalidArgument);
                break;
            default:
                Answer(in job, KvmiError.None);
                break;
        }
    }

    /// <summary>Answers a body that the kernel does not take.</summary>
    /// <returns>True when the command goes on.</returns>
    private static bool IsOk(in VcpuJob job, CommandStatus status)
    {
        switch (status)
        {
            case CommandStatus.Ok:
                return true;
            case CommandStatus.Close:
                job.Hook.Close($"a {job.Command.Kind} command has a body that this kernel answers with a close");
                return false;
            default:
                Answer(in job, KvmiError.InvalidArgument);
                return false;
        }
    }

    private static void Armed(in VcpuJob job, byte enable)
    {
        if (enable != 0)
        {
            job.Hook.NoteArmed();
        }

        Answer(in job, KvmiError.None);
    }

    private static void Answer(in VcpuJob job, KvmiError error) => job.Hook.ReplyError(job.Command, error);

    private void ReplyNumber(in VcpuJob job, ulong value)
    {
        BinaryPrimitives.WriteUInt64LittleEndian(_data, value);
        job.Hook.ReplyData(job.Command, _data.AsSpan(0, 8));
    }
}
