using System.Buffers.Binary;
using Kvmi.Protocol.Commands;

namespace Kvmi.Protocol.Dialects.V7;

/// <summary>
/// The commands whose layout, or whose treatment by the kernel, is not that of v11 and v12, both ends (kvmi-later-dialects.md 4.1, 4.2).
/// </summary>
internal sealed partial class V7Dialect
{
    private const int MaxXsave = 4096;

    public override int Write(Span<byte> destination, uint sequence, in PauseVcpu command)
    {
        var body = BeginVcpu(destination, CommandKind.PauseVcpu, sequence, command.Vcpu, 8);
        body[0] = command.Wait ? (byte)1 : (byte)0;
        return MessageHeader.Length + VcpuHeader + 8;
    }

    public override int Write(Span<byte> destination, uint sequence, in ControlCr command)
    {
        var body = BeginVcpu(destination, CommandKind.ControlCr, sequence, command.Vcpu, 8);
        body[0] = command.Enable;
        BinaryPrimitives.WriteUInt32LittleEndian(body[4..], command.Cr);
        return MessageHeader.Length + VcpuHeader + 8;
    }

    public override int Write(Span<byte> destination, uint sequence, in ControlCommandResponse command)
    {
        var body = Begin(destination, CommandKind.ControlCommandResponse, sequence, 8);
        body[0] = command.Enable ? (byte)1 : (byte)0;
        body[1] = command.Now ? (byte)1 : (byte)0;
        body[2] = command.ErrorEvents ? (byte)1 : (byte)0;
        return MessageHeader.Length + 8;
    }

    public override int WriteSetPageAccess(Span<byte> destination, uint sequence, ushort view, ReadOnlySpan<PageAccessEntry> entries)
    {
        var body = Begin(destination, CommandKind.SetPageAccess, sequence, 8 + (entries.Length * EntryLength));
        BinaryPrimitives.WriteUInt16LittleEndian(body, view);
        BinaryPrimitives.WriteUInt16LittleEndian(body[2..], (ushort)entries.Length);
        WriteEntries(body[8..], entries);
        return MessageHeader.Length + body.Length;
    }

    public override int WriteSetXsave(Span<byte> destination, uint sequence, ushort vcpu, ReadOnlySpan<byte> area)
    {
        if (area.Length > MaxXsave)
        {
            throw new ArgumentException($"An XSAVE area has at most {MaxXsave} bytes, this one has {area.Length}.", nameof(area));
        }

        area.CopyTo(BeginVcpu(destination, CommandKind.SetXsave, sequence, vcpu, area.Length));
        return MessageHeader.Length + VcpuHeader + area.Length;
    }

    public override CommandStatus Read(ReadOnlySpan<byte> payload, out PauseVcpu command)
    {
        Span<byte> body = stackalloc byte[VcpuHeader + 8];
        var status = ReadVcpuHeader(payload, body, out var vcpu);
        command = new PauseVcpu(vcpu, body[VcpuHeader] != 0);

        // The one command whose own padding also ends the connection (4.1).
        return status != CommandStatus.Ok || Padding(body[(VcpuHeader + 1)..]) == CommandStatus.Ok ? status : CommandStatus.Close;
    }

    public override CommandStatus Read(ReadOnlySpan<byte> payload, out ControlCr command)
    {
        Span<byte> full = stackalloc byte[VcpuHeader + 8];
        var status = ReadVcpuHeader(payload, full, out var vcpu);
        var body = full[VcpuHeader..];
        command = new ControlCr(vcpu, BinaryPrimitives.ReadUInt32LittleEndian(body[4..]), body[0]);
        return Worse(status, Padding(body[1..4]));
    }

    public override CommandStatus Read(ReadOnlySpan<byte> payload, out WritePhysical command)
    {
        command = default;
        if (payload.Length < 16)
        {
            return CommandStatus.Close;
        }

        // A size that does not match the payload ends the connection (4.1); size 0 is an ordinary −EINVAL of the memory code.
        var size = BinaryPrimitives.ReadUInt64LittleEndian(payload[8..]);
        if (size != (ulong)(payload.Length - 16))
        {
            return CommandStatus.Close;
        }

        command = new WritePhysical(BinaryPrimitives.ReadUInt64LittleEndian(payload), payload[16..]);
        return CommandStatus.Ok;
    }

    public override CommandStatus Read(ReadOnlySpan<byte> payload, out ControlCommandResponse command)
    {
        Span<byte> body = stackalloc byte[8];
        Fill(payload, body);
        command = new ControlCommandResponse(body[0] != 0, body[1] != 0, (body[2] & 1) != 0);
        return Padding(body[3..]);
    }

    public override CommandStatus Read(ReadOnlySpan<byte> payload, out SetPageAccess command)
    {
        Span<byte> body = stackalloc byte[8];
        Fill(payload, body);
        command = default;
        if (Padding(body[4..]) != CommandStatus.Ok)
        {
            return CommandStatus.Invalid;
        }

        var status = ReadEntries(payload, BinaryPrimitives.ReadUInt16LittleEndian(body[2..]), out var entries);
        command = new SetPageAccess(BinaryPrimitives.ReadUInt16LittleEndian(body), entries);
        return status;
    }

    public override CommandStatus ReadSetXsave(ReadOnlySpan<byte> payload, out ushort vcpu, out ReadOnlySpan<byte> area)
    {
        Span<byte> header = stackalloc byte[VcpuHeader];
        var status = ReadVcpuHeader(payload, header, out vcpu);
        area = payload.Length > VcpuHeader ? payload[VcpuHeader..] : default;
        return area.Length > MaxXsave ? Worse(status, CommandStatus.Invalid) : status;
    }
}
