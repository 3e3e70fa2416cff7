using System.Buffers.Binary;
using Kvmi.Protocol.Commands;
using Kvmi.Protocol.Registers;

namespace Kvmi.Protocol.Dialects.RfcV5;

/// <summary>Replies to commands, both ends (rfc-v5 1.10 and 3). The tool demands exact sizes.</summary>
internal sealed partial class RfcV5Dialect
{
    private const int TokenLength = 32;

    public override DecodeStatus ReadReply(ReadOnlySpan<byte> payload, out KvmiError error, out ReadOnlySpan<byte> data)
    {
        error = KvmiError.None;
        data = default;
        if (payload.Length < ErrorLength)
        {
            return DecodeStatus.TooShort;
        }

        error = (KvmiError)BinaryPrimitives.ReadInt32LittleEndian(payload);
        if (error == KvmiError.None)
        {
            data = payload[ErrorLength..];
            return DecodeStatus.Ok;
        }

        if ((int)error > 0)
        {
            return DecodeStatus.InvalidField;
        }

        return payload.Length == ErrorLength ? DecodeStatus.Ok : DecodeStatus.TooLong;
    }

    public override DecodeStatus ReadReply(ReadOnlySpan<byte> data, out VersionReply reply)
    {
        reply = default;
        var status = Exactly(data, 16);
        if (status == DecodeStatus.Ok)
        {
            reply = new VersionReply(U32(data, 0), 0, 0) { CommandMask = U32(data, 4), EventMask = U32(data, 8) };
        }

        return status;
    }

    public override DecodeStatus ReadReply(ReadOnlySpan<byte> data, out VmInfoReply reply)
    {
        reply = default;
        var status = Exactly(data, 16);
        if (status == DecodeStatus.Ok)
        {
            reply = new VmInfoReply(U32(data, 0), U64(data, 8));
        }

        return status;
    }

    public override DecodeStatus ReadPauseAllReply(ReadOnlySpan<byte> data, out uint vcpuCount)
    {
        vcpuCount = 0;
        var status = Exactly(data, 8);
        if (status == DecodeStatus.Ok)
        {
            vcpuCount = U32(data, 0);
        }

        return status;
    }

    // No reply of this dialect is one number; the later dialects' replies that are have eight bytes everywhere.
    public override DecodeStatus ReadNumberReply(ReadOnlySpan<byte> data, out ulong value)
    {
        value = 0;
        var status = Exactly(data, 8);
        if (status == DecodeStatus.Ok)
        {
            value = U64(data, 0);
        }

        return status;
    }

    public override DecodeStatus ReadReply(ReadOnlySpan<byte> data, out MapToken reply)
    {
        reply = default;
        var status = Exactly(data, TokenLength);
        if (status == DecodeStatus.Ok)
        {
            reply = new MapToken(U64(data, 0), U64(data, 8), U64(data, 16), U64(data, 24));
        }

        return status;
    }

    public override DecodeStatus ReadReply(ReadOnlySpan<byte> data, out CpuidReply reply)
    {
        reply = default;
        var status = Exactly(data, 16);
        if (status == DecodeStatus.Ok)
        {
            reply = new CpuidReply(U32(data, 0), U32(data, 4), U32(data, 8), U32(data, 12));
        }

        return status;
    }

    public override DecodeStatus ReadReply(ReadOnlySpan<byte> data, out RegistersReply reply)
    {
        reply = default;
        if (data.Length < RegistersReply.FixedLength)
        {
            return DecodeStatus.TooShort;
        }

        var expected = RegistersReply.FixedLength + (16L * U32(data, 464));
        if (data.Length != expected)
        {
            return data.Length < expected ? DecodeStatus.TooShort : DecodeStatus.TooLong;
        }

        reply = new RegistersReply(data);
        return DecodeStatus.Ok;
    }

    public override int WriteData(Span<byte> destination, in VersionReply reply)
    {
        destination[..16].Clear();
        BinaryPrimitives.WriteUInt32LittleEndian(destination, reply.Version);
        BinaryPrimitives.WriteUInt32LittleEndian(destination[4..], reply.CommandMask);
        BinaryPrimitives.WriteUInt32LittleEndian(destination[8..], reply.EventMask);
        return 16;
    }

    public override int WriteData(Span<byte> destination, in VmInfoReply reply)
    {
        destination[..16].Clear();
        BinaryPrimitives.WriteUInt32LittleEndian(destination, reply.VcpuCount);
        BinaryPrimitives.WriteUInt64LittleEndian(destination[8..], reply.TscSpeed);
        return 16;
    }

    public override int WritePauseAllData(Span<byte> destination, uint vcpuCount)
    {
        destination[..8].Clear();
        BinaryPrimitives.WriteUInt32LittleEndian(destination, vcpuCount);
        return 8;
    }

    public override int WriteNumberData(Span<byte> destination, ulong value)
    {
        BinaryPrimitives.WriteUInt64LittleEndian(destination, value);
        return 8;
    }

    public override int WriteData(Span<byte> destination, in MapToken reply)
    {
        BinaryPrimitives.WriteUInt64LittleEndian(destination, reply.Word0);
        BinaryPrimitives.WriteUInt64LittleEndian(destination[8..], reply.Word1);
        BinaryPrimitives.WriteUInt64LittleEndian(destination[16..], reply.Word2);
        BinaryPrimitives.WriteUInt64LittleEndian(destination[24..], reply.Word3);
        return TokenLength;
    }

    public override int WriteData(Span<byte> destination, in CpuidReply reply) => MachineReplies.Write(destination, in reply);

    public override int WriteRegistersData(Span<byte> destination, in VcpuState state, ReadOnlySpan<MsrEntry> msrs) =>
        MachineReplies.Write(destination, in state, msrs);

    private static DecodeStatus Exactly(ReadOnlySpan<byte> data, int length) =>
        data.Length == length ? DecodeStatus.Ok : data.Length < length ? DecodeStatus.TooShort : DecodeStatus.TooLong;
}
