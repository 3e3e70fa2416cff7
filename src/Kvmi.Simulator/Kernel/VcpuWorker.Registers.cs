using Kvmi.Protocol;
using Kvmi.Protocol.Commands;
using Kvmi.Protocol.Registers;

namespace Kvmi.Simulator.Kernel;

/// <content>GET_REGISTERS and SET_REGISTERS (kvmi-later-dialects.md 3.7; rfc-v5 3.3 and 3.4).</content>
internal sealed partial class VcpuWorker
{
    private const int RegistersFixedLength = 472;
    private const int MsrEntryLength = 16;

    private void GetRegisters(in VcpuJob job)
    {
        if (!IsOk(in job, Dialect.Read(job.Payload, out GetRegisters command)))
        {
            return;
        }

        var limit = (Dialect.MaxPayload - 8 - RegistersFixedLength) / MsrEntryLength;
        var entries = command.MsrCount <= limit ? new MsrEntry[command.MsrCount] : null;
        for (var i = 0; entries is not null && i < entries.Length; i++)
        {
            if (!_vcpu.TryGetMsr(command.Msr(i), out var value))
            {
                entries = null;
                break;
            }

            entries[i] = new MsrEntry(command.Msr(i), value);
        }

        if (entries is null)
        {
            Answer(in job, KvmiError.InvalidArgument);
            return;
        }

        var needed = RegistersFixedLength + (entries.Length * MsrEntryLength);
        if (needed > _data.Length)
        {
            _data = new byte[needed];
        }

        _vcpu.GetState(out var state);
        var length = Dialect.WriteRegistersData(_data, in state, entries);
        job.Hook.ReplyData(job.Command, _data.AsSpan(0, length));
    }

    private void SetRegisters(in VcpuJob job)
    {
        if (!IsOk(in job, Dialect.ReadSetRegisters(job.Payload, out _, out var registers)))
        {
            return;
        }

        // Legal only while the tool answers an event, and the guest sees them with the answer (3.10, 2).
        if (!_waiting)
        {
            if (Traits.LateRegisters == KvmiError.None)
            {
                LogMessages.RegistersDropped(_context.Logger, _vcpu.Index, ++_droppedRegisters);
            }

            Answer(in job, Traits.LateRegisters);
            return;
        }

        _newRegisters = registers;
        _registersDue = true;
        Answer(in job, KvmiError.None);
    }
}
