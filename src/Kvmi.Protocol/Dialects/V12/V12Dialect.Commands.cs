using System.Buffers.Binary;
using Kvmi.Protocol.Commands;

namespace Kvmi.Protocol.Dialects.V12;

/// <summary>The commands whose layout, or whose treatment by the kernel, is not that of v7, both ends (kvmi-later-dialects.md 3.6, 3.7).</summary>
internal sealed partial class V12Dialect
{
    private const int XsaveLength = 4096;

    // A VM command: the vCPU stands in the body, and the receiving thread carries it out.
    public override int Write(Span<byte> destination, uint sequence, in PauseVcpu command)
    {
        var body = Begin(destination, CommandKind.PauseVcpu, sequence, 8);
        BinaryPrimitives.WriteUInt16LittleEndian(body, command.Vcpu);
        body[2] = command.Wait ? (byte)1 : (byte)0;
        return MessageHeader.Length + 8;
    }

    public override int Write(Span<byte> destination, uint sequence, in ControlCr command)
    {
        if (command.Cr > byte.MaxValue)
        {
            throw new ArgumentException($"The {Name} dialect has one byte for a control register's number; {command.Cr} does not fit.", nameof(command));
        }

        var body = BeginVcpu(destination, CommandKind.ControlCr, sequence, command.Vcpu, 8);
        body[0] = (byte)command.Cr;
        body[1] = command.Enable;
        return MessageHeader.Length + VcpuHeader + 8;
    }

    public override int Write(Span<byte> destination, uint sequence, in ControlCleanup command)
    {
        var body = Begin(destination, CommandKind.ControlCleanup, sequence, 8);
        body[0] = command.Enable;
        return MessageHeader.Length + 8;
    }

    public override int Write(Span<byte> destination, uint sequence, in ControlCommandResponse command) =>
        throw Lacks(CommandKind.ControlCommandResponse);

    public override int WriteSetPageAccess(Span<byte> destination, uint sequence, ushort view, ReadOnlySpan<PageAccessEntry> entries)
    {
        if (view != 0)
        {
            throw new ArgumentException($"The {Name} dialect has no EPT views; view {view} cannot be named.", nameof(view));
        }

        var body = Begin(destination, CommandKind.SetPageAccess, sequence, 8 + (entries.Length * EntryLength));
        BinaryPrimitives.WriteUInt16LittleEndian(body, (ushort)entries.Length);
        WriteEntries(body[8..], entries);
        return MessageHeader.Length + body.Length;
    }

    public override int WriteSetXsave(Span<byte> destination, uint sequence, ushort vcpu, ReadOnlySpan<byte> area)
    {
        if (area.Length != XsaveLength)
        {
            throw new ArgumentException($"An XSAVE area of the {Name} dialect has {XsaveLength} bytes, this one has {area.Length}.", nameof(area));
        }

        area.CopyTo(BeginVcpu(destination, CommandKind.SetXsave, sequence, vcpu, XsaveLength));
        return MessageHeader.Length + VcpuHeader + XsaveLength;
    }

    public override CommandStatus Read(ReadOnlySpan<byte> payload, out PauseVcpu command)
    {
        Span<byte> body = stackalloc byte[8];
        Fill(payload, body);
        command = new PauseVcpu(BinaryPrimitives.ReadUInt16LittleEndian(body), body[2] != 0);
        return body[2] > 1 ? CommandStatus.Invalid : Padding(body[3..]);
    }

    public override CommandStatus Read(ReadOnlySpan<byte> payload, out ControlCr command)
    {
        Span<byte> full = stackalloc byte[VcpuHeader + 8];
        var status = ReadVcpuHeader(payload, full, out var vcpu);
        var body = full[VcpuHeader..];
        command = new ControlCr(vcpu, body[0], body[1]);
        return Worse(status, Padding(body[2..]));
    }

    public override CommandStatus Read(ReadOnlySpan<byte> payload, out ControlCleanup command)
    {
        Span<byte> body = stackalloc byte[8];
        Fill(payload, body);
        command = new ControlCleanup(body[0]);
        return Padding(body[1..]);
    }

    public override CommandStatus Read(ReadOnlySpan<byte> payload, out ControlCommandResponse command) =>
        throw Lacks(CommandKind.ControlCommandResponse);

    // The document says −EINVAL for a payload that is too short, the kernel's code closes; either is legal (3.4).
    public override CommandStatus Read(ReadOnlySpan<byte> payload, out WritePhysical command)
    {
        Span<byte> body = stackalloc byte[16];
        Fill(payload, body);
        command = default;
        var size = BinaryPrimitives.ReadUInt16LittleEndian(body[8..]);
        if (payload.Length < body.Length + size)
        {
            return CommandStatus.Close;
        }

        command = new WritePhysical(BinaryPrimitives.ReadUInt64LittleEndian(body), payload.Slice(body.Length, size));
        return Padding(body[10..]);
    }

    public override CommandStatus Read(ReadOnlySpan<byte> payload, out SetPageAccess command)
    {
        Span<byte> body = stackalloc byte[8];
        Fill(payload, body);
        var status = ReadEntries(payload, BinaryPrimitives.ReadUInt16LittleEndian(body), out var entries);
        command = new SetPageAccess(0, entries);
        return Worse(status, Padding(body[2..]));
    }

    public override CommandStatus ReadSetXsave(ReadOnlySpan<byte> payload, out ushort vcpu, out ReadOnlySpan<byte> area)
    {
        Span<byte> header = stackalloc byte[VcpuHeader];
        var status = ReadVcpuHeader(payload, header, out vcpu);
        var isShort = payload.Length < VcpuHeader + XsaveLength;
        area = isShort ? default : payload.Slice(VcpuHeader, XsaveLength);
        return isShort ? Worse(status, CommandStatus.Invalid) : status;
    }
}
