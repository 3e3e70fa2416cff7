using System.Runtime.InteropServices;
using Kvmi.Protocol;
using Kvmi.Protocol.Commands;
using Kvmi.Protocol.Dialects;

namespace Kvmi.Conformance.Tests.Captures;

/// <content>What a vCPU is, and the views of v7.</content>
internal sealed partial record IssuedCommand
{
    private const int XsaveArea = 4096;

    private static IssuedCommand? FindQuery(Dialect dialect, CommandKind kind, ReadOnlySpan<byte> payload, byte[] again, uint sequence, out int length)
    {
        length = 0;
        switch (kind)
        {
            case CommandKind.GetVcpuInfo when dialect.ReadVcpuOnly(payload, out var vcpu) == CommandStatus.Ok:
                length = dialect.WriteVcpuOnly(again, sequence, kind, vcpu);
                return new IssuedCommand(vm => (vm.GetVcpuInfo(vcpu, out var hz), BitConverter.GetBytes(hz)));
            case CommandKind.GetCpuid when dialect.Read(payload, out GetCpuid command) == CommandStatus.Ok:
                length = dialect.Write(again, sequence, in command);
                return new IssuedCommand(vm => (
                    vm.GetCpuid(command.Vcpu, command.Function, command.Index, out var reply),
                    MemoryMarshal.AsBytes<uint>([reply.Eax, reply.Ebx, reply.Ecx, reply.Edx]).ToArray()));
            case CommandKind.GetXsave when dialect.ReadVcpuOnly(payload, out var vcpu) == CommandStatus.Ok:
                length = dialect.WriteVcpuOnly(again, sequence, kind, vcpu);
                return new IssuedCommand(vm =>
                {
                    var area = new byte[2 * XsaveArea];
                    var error = vm.GetXsave(vcpu, area, out var size);
                    return (error, area[..size]);
                });
            case CommandKind.SetXsave when dialect.ReadSetXsave(payload, out var vcpu, out var area) == CommandStatus.Ok:
                length = dialect.WriteSetXsave(again, sequence, vcpu, area);
                var copy = area.ToArray();
                return Plain(vm => vm.SetXsave(vcpu, copy));
            case CommandKind.GetXcr when dialect.Read(payload, out GetXcr command) == CommandStatus.Ok:
                length = dialect.Write(again, sequence, in command);
                return new IssuedCommand(vm => (vm.GetXcr(command.Vcpu, command.Xcr, out var value), BitConverter.GetBytes(value)));
            case CommandKind.GetMtrrType when dialect.Read(payload, out GetMtrrType command) == CommandStatus.Ok:
                length = dialect.Write(again, sequence, in command);
                return new IssuedCommand(vm => (vm.GetMtrrType(command.Vcpu, command.Gpa, out var type), [type, 0, 0, 0, 0, 0, 0, 0]));
            case CommandKind.TranslateGva when dialect.Read(payload, out TranslateGva command) == CommandStatus.Ok:
                length = dialect.Write(again, sequence, in command);
                return new IssuedCommand(vm => (vm.TranslateGva(command.Vcpu, command.Gva, out var gpa), BitConverter.GetBytes(gpa ?? ulong.MaxValue)));
            case CommandKind.ControlSinglestep when dialect.Read(payload, out ControlSinglestep command) == CommandStatus.Ok:
                length = dialect.Write(again, sequence, in command);
                return Plain(vm => vm.ControlSinglestep(command.Vcpu, command.Enable != 0));
            case CommandKind.ControlCleanup when dialect.Read(payload, out ControlCleanup command) == CommandStatus.Ok:
                length = dialect.Write(again, sequence, in command);
                return Plain(vm => vm.ControlCleanup(command.Enable != 0));
            case CommandKind.GetEptView when dialect.ReadVcpuOnly(payload, out var vcpu) == CommandStatus.Ok:
                length = dialect.WriteVcpuOnly(again, sequence, kind, vcpu);
                return new IssuedCommand(vm => (vm.GetEptView(vcpu, out var view), BitConverter.GetBytes((ulong)view)));
            case CommandKind.SwitchEptView when dialect.Read(payload, out SwitchEptView command) == CommandStatus.Ok:
                length = dialect.Write(again, sequence, in command);
                return Plain(vm => vm.SwitchEptView(command.Vcpu, command.View));
            case CommandKind.DisableVe when dialect.ReadVcpuOnly(payload, out var vcpu) == CommandStatus.Ok:
                length = dialect.WriteVcpuOnly(again, sequence, kind, vcpu);
                return Plain(vm => vm.DisableVe(vcpu));
            case CommandKind.ControlSpp when dialect.Read(payload, out ControlSpp command) == CommandStatus.Ok:
                length = dialect.Write(again, sequence, in command);
                return Plain(vm => vm.ControlSpp(command.Enable != 0));
            case CommandKind.SetPageSve when dialect.Read(payload, out SetPageSve command) == CommandStatus.Ok:
                length = dialect.Write(again, sequence, in command);
                return Plain(vm => vm.SetPageSve(command.View, command.Gpa, command.Suppress != 0));
            case CommandKind.ChangeGfn when dialect.Read(payload, out ChangeGfn command) == CommandStatus.Ok:
                length = dialect.Write(again, sequence, in command);
                return Plain(vm => vm.ChangeGfn(command.Vcpu, command.View, command.OldGfn, command.NewGfn));
            case CommandKind.GetMaxGfn:
                length = dialect.WriteEmpty(again, sequence, kind);
                return new IssuedCommand(vm => (vm.GetMaxGfn(out var gfn), BitConverter.GetBytes(gfn)));
            default:
                return null;
        }
    }
}
