using System.Buffers.Binary;
using Kvmi.Protocol.Commands;

namespace Kvmi.Protocol.Dialects.V7;

/// <summary>
/// EPT views and virtualization exceptions, both ends (kvmi-later-dialects.md 4.2). GET_EPT_VIEW, CREATE_EPT_VIEW and DISABLE_VE have no
/// body of their own; CONTROL_VE is a reserved number without a message.
/// </summary>
internal sealed partial class V7Dialect
{
    public override int Write(Span<byte> destination, uint sequence, in SwitchEptView command)
    {
        var body = BeginVcpu(destination, CommandKind.SwitchEptView, sequence, command.Vcpu, 8);
        BinaryPrimitives.WriteUInt16LittleEndian(body, command.View);
        return MessageHeader.Length + VcpuHeader + 8;
    }

    public override int Write(Span<byte> destination, uint sequence, in ControlEptView command)
    {
        var body = BeginVcpu(destination, CommandKind.ControlEptView, sequence, command.Vcpu, 8);
        BinaryPrimitives.WriteUInt16LittleEndian(body, command.View);
        body[2] = command.Visible;
        return MessageHeader.Length + VcpuHeader + 8;
    }

    public override int Write(Span<byte> destination, uint sequence, in DestroyEptView command)
    {
        var body = Begin(destination, CommandKind.DestroyEptView, sequence, 8);
        BinaryPrimitives.WriteUInt16LittleEndian(body, command.View);
        return MessageHeader.Length + 8;
    }

    public override int Write(Span<byte> destination, uint sequence, in SetVeInfoPage command)
    {
        var body = BeginVcpu(destination, CommandKind.SetVeInfoPage, sequence, command.Vcpu, 16);
        BinaryPrimitives.WriteUInt64LittleEndian(body, command.Gpa);
        body[8] = command.TriggerVmExit;
        return MessageHeader.Length + VcpuHeader + 16;
    }

    public override int Write(Span<byte> destination, uint sequence, in SetPageSve command)
    {
        var body = Begin(destination, CommandKind.SetPageSve, sequence, 16);
        BinaryPrimitives.WriteUInt16LittleEndian(body, command.View);
        body[2] = command.Suppress;
        BinaryPrimitives.WriteUInt64LittleEndian(body[8..], command.Gpa);
        return MessageHeader.Length + 16;
    }

    public override CommandStatus Read(ReadOnlySpan<byte> payload, out SwitchEptView command)
    {
        Span<byte> full = stackalloc byte[VcpuHeader + 8];
        var status = ReadVcpuHeader(payload, full, out var vcpu);
        var body = full[VcpuHeader..];
        command = new SwitchEptView(vcpu, BinaryPrimitives.ReadUInt16LittleEndian(body));
        return Worse(status, Padding(body[2..]));
    }

    public override CommandStatus Read(ReadOnlySpan<byte> payload, out ControlEptView command)
    {
        Span<byte> full = stackalloc byte[VcpuHeader + 8];
        var status = ReadVcpuHeader(payload, full, out var vcpu);
        var body = full[VcpuHeader..];
        command = new ControlEptView(vcpu, BinaryPrimitives.ReadUInt16LittleEndian(body), body[2]);
        return Worse(status, Padding(body[3..]));
    }

    public override CommandStatus Read(ReadOnlySpan<byte> payload, out DestroyEptView command)
    {
        Span<byte> body = stackalloc byte[8];
        Fill(payload, body);
        command = new DestroyEptView(BinaryPrimitives.ReadUInt16LittleEndian(body));
        return Padding(body[2..]);
    }

    public override CommandStatus Read(ReadOnlySpan<byte> payload, out SetVeInfoPage command)
    {
        Span<byte> full = stackalloc byte[VcpuHeader + 16];
        var status = ReadVcpuHeader(payload, full, out var vcpu);
        var body = full[VcpuHeader..];
        command = new SetVeInfoPage(vcpu, BinaryPrimitives.ReadUInt64LittleEndian(body), body[8]);
        return Worse(status, Padding(body[9..]));
    }

    public override CommandStatus Read(ReadOnlySpan<byte> payload, out SetPageSve command)
    {
        Span<byte> body = stackalloc byte[16];
        Fill(payload, body);
        command = new SetPageSve(BinaryPrimitives.ReadUInt16LittleEndian(body), body[2], BinaryPrimitives.ReadUInt64LittleEndian(body[8..]));
        return Padding(body[3..8]);
    }
}
