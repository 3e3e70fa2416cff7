using System.Buffers.Binary;
using Kvmi.Protocol.Commands;
using Kvmi.Protocol.Registers;

namespace Kvmi.Protocol.Dialects.Later;

/// <summary>Replies to commands, both ends (kvmi-later-dialects.md 3.1, 3.7, 4.1).</summary>
internal abstract partial class LaterDialect
{
    public override DecodeStatus ReadReply(ReadOnlySpan<byte> payload, out KvmiError error, out ReadOnlySpan<byte> data)
    {
        if (payload.Length < ErrorLength)
        {
            error = KvmiError.None;
            data = default;
            return DecodeStatus.TooShort;
        }

        error = (KvmiError)BinaryPrimitives.ReadInt32LittleEndian(payload);
        data = error == KvmiError.None ? payload[ErrorLength..] : default;
        return (int)error > 0 ? DecodeStatus.InvalidField : DecodeStatus.Ok;
    }

    public override DecodeStatus ReadReply(ReadOnlySpan<byte> data, out VersionReply reply)
    {
        if (data.Length < 16)
        {
            reply = default;
            return DecodeStatus.TooShort;
        }

        reply = new VersionReply(
            BinaryPrimitives.ReadUInt32LittleEndian(data),
            BinaryPrimitives.ReadUInt32LittleEndian(data[4..]),
            BinaryPrimitives.ReadUInt64LittleEndian(data[8..]));
        return DecodeStatus.Ok;
    }

    public override DecodeStatus ReadReply(ReadOnlySpan<byte> data, out VmInfoReply reply)
    {
        reply = data.Length < 4 ? default : new VmInfoReply(BinaryPrimitives.ReadUInt32LittleEndian(data), 0);
        return data.Length < 4 ? DecodeStatus.TooShort : DecodeStatus.Ok;
    }

    public override DecodeStatus ReadNumberReply(ReadOnlySpan<byte> data, out ulong value)
    {
        value = data.Length < 8 ? 0 : BinaryPrimitives.ReadUInt64LittleEndian(data);
        return data.Length < 8 ? DecodeStatus.TooShort : DecodeStatus.Ok;
    }

    public override DecodeStatus ReadReply(ReadOnlySpan<byte> data, out RegistersReply reply)
    {
        reply = default;
        if (data.Length < RegistersReply.FixedLength)
        {
            return DecodeStatus.TooShort;
        }

        var count = BinaryPrimitives.ReadUInt32LittleEndian(data[464..]);
        var available = (uint)(data.Length - RegistersReply.FixedLength) / 16;
        if (count > available)
        {
            return DecodeStatus.TooShort;
        }

        reply = new RegistersReply(data[..(RegistersReply.FixedLength + ((int)count * 16))]);
        return DecodeStatus.Ok;
    }

    public override DecodeStatus ReadReply(ReadOnlySpan<byte> data, out CpuidReply reply)
    {
        if (data.Length < 16)
        {
            reply = default;
            return DecodeStatus.TooShort;
        }

        reply = new CpuidReply(
            BinaryPrimitives.ReadUInt32LittleEndian(data),
            BinaryPrimitives.ReadUInt32LittleEndian(data[4..]),
            BinaryPrimitives.ReadUInt32LittleEndian(data[8..]),
            BinaryPrimitives.ReadUInt32LittleEndian(data[12..]));
        return DecodeStatus.Ok;
    }

    public override int WriteData(Span<byte> destination, in VersionReply reply)
    {
        BinaryPrimitives.WriteUInt32LittleEndian(destination, reply.Version);
        BinaryPrimitives.WriteUInt32LittleEndian(destination[4..], reply.MaxMessageSize);
        BinaryPrimitives.WriteUInt64LittleEndian(destination[8..], reply.Features);
        return 16;
    }

    public override int WriteData(Span<byte> destination, in VmInfoReply reply)
    {
        destination[..16].Clear();
        BinaryPrimitives.WriteUInt32LittleEndian(destination, reply.VcpuCount);
        return 16;
    }

    public override int WriteNumberData(Span<byte> destination, ulong value)
    {
        BinaryPrimitives.WriteUInt64LittleEndian(destination, value);
        return 8;
    }

    public override int WriteData(Span<byte> destination, in CpuidReply reply) => MachineReplies.Write(destination, in reply);

    public override int WriteRegistersData(Span<byte> destination, in VcpuState state, ReadOnlySpan<MsrEntry> msrs) =>
        MachineReplies.Write(destination, in state, msrs);
}
