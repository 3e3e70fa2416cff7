using Kvmi.Protocol;
using Kvmi.Protocol.Commands;

namespace Kvmi.Simulator.Kernel;

/// <summary>Injection and single-stepping: the commands that change how the vCPU enters the guest next (kvmi-later-dialects.md 3.7).</summary>
internal sealed partial class VcpuWorker
{
    private void InjectException(in VcpuJob job)
    {
        if (Traits.ReportsLostInjections)
        {
            QueueInjection(in job);
            return;
        }

        if (!_context.Administrator.Allows(EventKind.Trap))
        {
            Answer(in job, KvmiError.NotPermitted);
            return;
        }

        if (!IsOk(in job, Dialect.Read(job.Payload, out InjectException command)))
        {
            return;
        }

        if (command.Vector > MaxVector)
        {
            Answer(in job, KvmiError.InvalidArgument);
        }
        else if (_trapOutstanding || _vcpu.IsInjectionPending || _vcpu.Traps.Singlestep)
        {
            Answer(in job, KvmiError.Busy);
        }
        else
        {
            var taken = _vcpu.TryInjectException(command.Vector, command.ErrorCode, command.Address);
            Answer(in job, taken ? KvmiError.None : KvmiError.InvalidArgument);
        }
    }

    private void ControlSinglestep(in VcpuJob job)
    {
        if (!_context.Administrator.Allows(EventKind.Singlestep))
        {
            Answer(in job, KvmiError.NotPermitted);
            return;
        }

        if (!IsOk(in job, Dialect.Read(job.Payload, out ControlSinglestep command)))
        {
            return;
        }

        if (_context.Rules.EnableIsChecked && command.Enable > 1)
        {
            Answer(in job, KvmiError.InvalidArgument);
            return;
        }

        if ((_context.Machine.Features & Machine.MachineFeatures.Singlestep) == 0)
        {
            Answer(in job, _context.Rules.SinglestepMissing);
            return;
        }

        // A flag of this vCPU: others may step at the same time or run on.
        _vcpu.Traps.Singlestep = command.Enable != 0;
        Armed(in job, command.Enable);
    }
}
