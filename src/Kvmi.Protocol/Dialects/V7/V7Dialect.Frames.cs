using System.Buffers.Binary;
using Kvmi.Protocol.Commands;

namespace Kvmi.Protocol.Dialects.V7;

/// <summary>Guest frames and host-side mapping, both ends (kvmi-later-dialects.md 1.5 and 4.2).</summary>
internal sealed partial class V7Dialect
{
    private const int OldChangeGfnLength = VcpuHeader + 16;
    private const int MapTokenLength = 32;
    private const int ExtentLength = 16;

    public override int Write(Span<byte> destination, uint sequence, in QueryPhysical command)
    {
        var body = Begin(destination, CommandKind.QueryPhysical, sequence, 8);
        BinaryPrimitives.WriteUInt64LittleEndian(body, command.Gfn);
        return MessageHeader.Length + 8;
    }

    public override int Write(Span<byte> destination, uint sequence, in AllocGfn command)
    {
        var body = BeginVcpu(destination, CommandKind.AllocGfn, sequence, command.Vcpu, 8);
        BinaryPrimitives.WriteUInt64LittleEndian(body, command.Gfn);
        return MessageHeader.Length + VcpuHeader + 8;
    }

    public override int Write(Span<byte> destination, uint sequence, in FreeGfn command)
    {
        var body = BeginVcpu(destination, CommandKind.FreeGfn, sequence, command.Vcpu, 8);
        BinaryPrimitives.WriteUInt64LittleEndian(body, command.Gfn);
        return MessageHeader.Length + VcpuHeader + 8;
    }

    public override int Write(Span<byte> destination, uint sequence, in ChangeGfn command)
    {
        var body = BeginVcpu(destination, CommandKind.ChangeGfn, sequence, command.Vcpu, 24);
        BinaryPrimitives.WriteUInt16LittleEndian(body, command.View);
        BinaryPrimitives.WriteUInt64LittleEndian(body[8..], command.OldGfn);
        BinaryPrimitives.WriteUInt64LittleEndian(body[16..], command.NewGfn);
        return MessageHeader.Length + VcpuHeader + 24;
    }

    public override int WriteOldChangeGfn(Span<byte> destination, uint sequence, in ChangeGfn command)
    {
        var body = BeginVcpu(destination, CommandKind.ChangeGfn, sequence, command.Vcpu, 16);
        BinaryPrimitives.WriteUInt64LittleEndian(body, command.OldGfn);
        BinaryPrimitives.WriteUInt64LittleEndian(body[8..], command.NewGfn);
        return MessageHeader.Length + OldChangeGfnLength;
    }

    public override CommandStatus Read(ReadOnlySpan<byte> payload, out QueryPhysical command)
    {
        Span<byte> body = stackalloc byte[8];
        Fill(payload, body);
        command = new QueryPhysical(BinaryPrimitives.ReadUInt64LittleEndian(body));
        return CommandStatus.Ok;
    }

    public override CommandStatus Read(ReadOnlySpan<byte> payload, out AllocGfn command)
    {
        Span<byte> full = stackalloc byte[VcpuHeader + 8];
        var status = ReadVcpuHeader(payload, full, out var vcpu);
        command = new AllocGfn(vcpu, BinaryPrimitives.ReadUInt64LittleEndian(full[VcpuHeader..]));
        return status;
    }

    public override CommandStatus Read(ReadOnlySpan<byte> payload, out FreeGfn command)
    {
        Span<byte> full = stackalloc byte[VcpuHeader + 8];
        var status = ReadVcpuHeader(payload, full, out var vcpu);
        command = new FreeGfn(vcpu, BinaryPrimitives.ReadUInt64LittleEndian(full[VcpuHeader..]));
        return status;
    }

    // One id, two layouts, and nothing but the length tells them apart (1.7): exactly the old length is the old one.
    public override CommandStatus Read(ReadOnlySpan<byte> payload, out ChangeGfn command)
    {
        Span<byte> full = stackalloc byte[VcpuHeader + 24];
        var status = ReadVcpuHeader(payload, full, out var vcpu);
        var body = full[VcpuHeader..];
        if (payload.Length == OldChangeGfnLength)
        {
            command = new ChangeGfn(vcpu, 0, BinaryPrimitives.ReadUInt64LittleEndian(body), BinaryPrimitives.ReadUInt64LittleEndian(body[8..]));
            return status;
        }

        command = new ChangeGfn(
            vcpu,
            BinaryPrimitives.ReadUInt16LittleEndian(body),
            BinaryPrimitives.ReadUInt64LittleEndian(body[8..]),
            BinaryPrimitives.ReadUInt64LittleEndian(body[16..]));
        return Worse(status, Padding(body[2..8]));
    }

    public override DecodeStatus ReadReply(ReadOnlySpan<byte> data, out MapToken reply)
    {
        if (data.Length < MapTokenLength)
        {
            reply = default;
            return DecodeStatus.TooShort;
        }

        reply = new MapToken(
            BinaryPrimitives.ReadUInt64LittleEndian(data),
            BinaryPrimitives.ReadUInt64LittleEndian(data[8..]),
            BinaryPrimitives.ReadUInt64LittleEndian(data[16..]),
            BinaryPrimitives.ReadUInt64LittleEndian(data[24..]));
        return DecodeStatus.Ok;
    }

    public override DecodeStatus ReadReply(ReadOnlySpan<byte> data, out PhysicalExtent reply)
    {
        if (data.Length < ExtentLength)
        {
            reply = default;
            return DecodeStatus.TooShort;
        }

        reply = new PhysicalExtent(BinaryPrimitives.ReadUInt64LittleEndian(data), BinaryPrimitives.ReadUInt64LittleEndian(data[8..]));
        return DecodeStatus.Ok;
    }

    public override int WriteData(Span<byte> destination, in MapToken reply)
    {
        BinaryPrimitives.WriteUInt64LittleEndian(destination, reply.Word0);
        BinaryPrimitives.WriteUInt64LittleEndian(destination[8..], reply.Word1);
        BinaryPrimitives.WriteUInt64LittleEndian(destination[16..], reply.Word2);
        BinaryPrimitives.WriteUInt64LittleEndian(destination[24..], reply.Word3);
        return MapTokenLength;
    }

    public override int WriteData(Span<byte> destination, in PhysicalExtent reply)
    {
        BinaryPrimitives.WriteUInt64LittleEndian(destination, reply.Gfn);
        BinaryPrimitives.WriteUInt64LittleEndian(destination[8..], reply.Pages);
        return ExtentLength;
    }
}
