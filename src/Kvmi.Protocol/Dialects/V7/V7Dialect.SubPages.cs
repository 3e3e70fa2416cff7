using System.Buffers.Binary;
using Kvmi.Protocol.Commands;

namespace Kvmi.Protocol.Dialects.V7;

/// <summary>Sub-page protection, both ends (kvmi-later-dialects.md 4.2).</summary>
internal sealed partial class V7Dialect
{
    public override int Write(Span<byte> destination, uint sequence, in ControlSpp command)
    {
        var body = Begin(destination, CommandKind.ControlSpp, sequence, 8);
        body[0] = command.Enable;
        return MessageHeader.Length + 8;
    }

    public override int WriteSetPageWriteBitmap(Span<byte> destination, uint sequence, ushort view, ReadOnlySpan<PageWriteBitmapEntry> entries)
    {
        var body = Begin(destination, CommandKind.SetPageWriteBitmap, sequence, 8 + (entries.Length * EntryLength));
        BinaryPrimitives.WriteUInt16LittleEndian(body, view);
        BinaryPrimitives.WriteUInt16LittleEndian(body[2..], (ushort)entries.Length);
        for (var i = 0; i < entries.Length; i++)
        {
            var entry = body.Slice(8 + (i * EntryLength), EntryLength);
            BinaryPrimitives.WriteUInt64LittleEndian(entry, entries[i].Gpa);
            BinaryPrimitives.WriteUInt32LittleEndian(entry[8..], entries[i].Bitmap);
        }

        return MessageHeader.Length + body.Length;
    }

    public override CommandStatus Read(ReadOnlySpan<byte> payload, out ControlSpp command)
    {
        Span<byte> body = stackalloc byte[8];
        Fill(payload, body);
        command = new ControlSpp(body[0]);
        return Padding(body[1..]);
    }

    public override CommandStatus Read(ReadOnlySpan<byte> payload, out SetPageWriteBitmap command)
    {
        Span<byte> body = stackalloc byte[8];
        Fill(payload, body);
        command = default;
        if (Padding(body[4..]) != CommandStatus.Ok)
        {
            return CommandStatus.Invalid;
        }

        // The documents name what a count too large does only for SET_PAGE_ACCESS, which has the same shape (3.4).
        var count = BinaryPrimitives.ReadUInt16LittleEndian(body[2..]);
        var available = Math.Max(0, payload.Length - body.Length) / EntryLength;
        if (count > available)
        {
            return CommandStatus.Close;
        }

        command = new SetPageWriteBitmap(
            BinaryPrimitives.ReadUInt16LittleEndian(body), count == 0 ? default : payload.Slice(body.Length, count * EntryLength));
        return CommandStatus.Ok;
    }
}
