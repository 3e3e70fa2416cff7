using Kvmi.Protocol;
using Kvmi.Protocol.Commands;
using Kvmi.Protocol.Dialects;
using Kvmi.Protocol.Registers;
using Kvmi.Session.Vm;

namespace Kvmi.Conformance.Tests.Captures;

/// <summary>A captured command, sent again through the tool's API.</summary>
/// <param name="Run">Sends it and gives the error of the reply and the data as the caller got them.</param>
internal sealed partial record IssuedCommand(Func<IIntrospectedVm, (KvmiError Error, byte[] Data)> Run)
{
    /// <summary>
    /// Finds the call that sends a captured command. The command is read and written again first: bytes that our writer does not make (padding
    /// set on purpose, unknown ids, enable = 2) cannot come from the API, and commands of the attach phase are sent before a handler lives.
    /// </summary>
    /// <returns>Null when there is no call that sends exactly this.</returns>
    public static IssuedCommand? TryRead(Dialect dialect, CaptureStep step)
    {
        if (!dialect.TryGetCommand(step.Header.Id, out var kind))
        {
            return null;
        }

        var again = new byte[16 * 1024];
        var sequence = step.Header.Sequence;
        var found = Find(dialect, kind, step.Payload, again, sequence, out var length);
        return found is not null && again.AsSpan(0, length).SequenceEqual(step.Bytes) ? found : null;
    }

    private static IssuedCommand? Find(Dialect dialect, CommandKind kind, ReadOnlySpan<byte> payload, byte[] again, uint sequence, out int length)
    {
        length = 0;
        switch (kind)
        {
            case CommandKind.ControlVmEvents when !dialect.EventsAreMasks && dialect.Read(payload, out ControlVmEvents command) == CommandStatus.Ok:
                length = dialect.Write(again, sequence, in command);
                return dialect.TryGetEvent(command.EventId, out var vmEvent) && command.Enable <= 1
                    ? Plain(vm => vm.ControlVmEvents(vmEvent, command.Enable != 0))
                    : null;
            case CommandKind.ControlEvents when !dialect.EventsAreMasks && dialect.Read(payload, out ControlEvents command) == CommandStatus.Ok:
                length = dialect.Write(again, sequence, in command);
                return dialect.TryGetEvent(command.EventId, out var vcpuEvent) && command.Enable <= 1
                    ? Plain(vm => vm.ControlEvents(command.Vcpu, vcpuEvent, command.Enable != 0))
                    : null;
            case CommandKind.ControlCr when dialect.Read(payload, out ControlCr command) == CommandStatus.Ok:
                length = dialect.Write(again, sequence, in command);
                return command.Enable > 1 ? null : Plain(vm => vm.ControlCr(command.Vcpu, command.Cr, command.Enable != 0));
            case CommandKind.ControlMsr when dialect.Read(payload, out ControlMsr command) == CommandStatus.Ok:
                length = dialect.Write(again, sequence, in command);
                return command.Enable > 1 ? null : Plain(vm => vm.ControlMsr(command.Vcpu, command.Msr, command.Enable != 0));
            case CommandKind.PauseVcpu when dialect.Read(payload, out PauseVcpu command) == CommandStatus.Ok:
                length = dialect.Write(again, sequence, in command);
                return Plain(vm => vm.PauseVcpu(command.Vcpu, command.Wait));
            case CommandKind.InjectException when dialect.Read(payload, out InjectException command) == CommandStatus.Ok:
                length = dialect.Write(again, sequence, in command);
                return Plain(vm => vm.InjectException(command.Vcpu, command.Vector, command.ErrorCode, command.Address));
            case CommandKind.ReadPhysical when dialect.Read(payload, out ReadPhysical command) == CommandStatus.Ok:
                length = dialect.Write(again, sequence, in command);
                return IsOnePage(command.Gpa, command.Size) ? Read(command.Gpa, (int)command.Size) : null;
            case CommandKind.WritePhysical when dialect.Read(payload, out WritePhysical command) == CommandStatus.Ok:
                length = dialect.Write(again, sequence, in command);
                var (gpa, data) = (command.Gpa, command.Data.ToArray());
                return IsOnePage(gpa, (ulong)data.Length) ? Plain(vm => vm.WritePhysical(gpa, data)) : null;
            case CommandKind.GetRegisters when dialect.Read(payload, out GetRegisters command) == CommandStatus.Ok:
                var indexes = new uint[command.MsrCount];
                for (var i = 0; i < indexes.Length; i++)
                {
                    indexes[i] = command.Msr(i);
                }

                length = dialect.WriteGetRegisters(again, sequence, command.Vcpu, indexes);
                return Registers(command.Vcpu, indexes);
            case CommandKind.SetRegisters when dialect.ReadSetRegisters(payload, out var vcpu, out var regs) == CommandStatus.Ok:
                length = dialect.WriteSetRegisters(again, sequence, vcpu, in regs);
                return Plain(vm => vm.SetRegisters(vcpu, in regs));
            case CommandKind.SetPageAccess when dialect.Read(payload, out SetPageAccess command) == CommandStatus.Ok:
                var entries = new PageAccessEntry[command.Count];
                for (var i = 0; i < entries.Length; i++)
                {
                    command.TryGetEntry(i, out var page, out var access);
                    entries[i] = new PageAccessEntry(page, (PageAccess)access);
                }

                var view = command.View;
                length = dialect.WriteSetPageAccess(again, sequence, view, entries);
                return entries.Length == 0 ? null : Plain(vm => view == 0 ? vm.SetPageAccess(entries) : vm.SetPageAccess(view, entries));
            default:
                return FindQuery(dialect, kind, payload, again, sequence, out length);
        }
    }

    private static bool IsOnePage(ulong gpa, ulong size) => size > 0 && (gpa & 0xFFF) + size <= 0x1000;

    private static IssuedCommand Plain(Func<IIntrospectedVm, KvmiError> run) => new(vm => (run(vm), []));

    private static IssuedCommand Read(ulong gpa, int size) => new(vm =>
    {
        var data = new byte[size];
        var error = vm.ReadPhysical(gpa, data);
        return (error, error == KvmiError.None ? data : []);
    });

    // The data of the reply is put together again from what the API gave, so that every field is compared.
    private static IssuedCommand Registers(ushort vcpu, uint[] indexes) => new(vm =>
    {
        var msrs = indexes.Select(index => new MsrEntry(index, 0)).ToArray();
        var error = vm.GetRegisters(vcpu, out var state, msrs);
        if (error != KvmiError.None)
        {
            return (error, []);
        }

        var data = new byte[8 + KvmRegs.Length + KvmSregs.Length + 8 + (16 * msrs.Length)];
        BitConverter.TryWriteBytes(data, (uint)state.Mode);
        System.Runtime.InteropServices.MemoryMarshal.Write(data.AsSpan(8), in state.Regs);
        System.Runtime.InteropServices.MemoryMarshal.Write(data.AsSpan(8 + KvmRegs.Length), in state.Sregs);
        BitConverter.TryWriteBytes(data.AsSpan(8 + KvmRegs.Length + KvmSregs.Length), msrs.Length);
        for (var i = 0; i < msrs.Length; i++)
        {
            var entry = data.AsSpan(16 + KvmRegs.Length + KvmSregs.Length + (16 * i));
            BitConverter.TryWriteBytes(entry, msrs[i].Index);
            BitConverter.TryWriteBytes(entry[8..], msrs[i].Value);
        }

        return (error, data);
    });
}
