using FsCheck;
using FsCheck.Fluent;
using Kvmi.Protocol.Commands;
using Kvmi.Protocol.Dialects;

namespace Kvmi.Protocol.Tests.Dialects.V7;

/// <summary>The commands that only v7 has: EPT views, #VE, sub-page protection, guest frames, map tokens (kvmi-later-dialects.md 4.2).</summary>
public sealed class V7ViewAndFrameTests
{
    private delegate int Writer<T>(Span<byte> destination, uint sequence, in T command);

    private delegate CommandStatus Reader<T>(ReadOnlySpan<byte> payload, out T command);

    private delegate CommandStatus AnyReader(ReadOnlySpan<byte> payload);

    private static readonly Dialect Codec = Dialect.Find(KvmiDialect.V7)!;

    private static readonly (string Name, int Length, bool HasVcpu, int[] Padding, AnyReader Read)[] Commands =
    [
        ("SWITCH_EPT_VIEW", 16, true, [10, 15], payload => Codec.Read(payload, out SwitchEptView _)),
        ("CONTROL_EPT_VIEW", 16, true, [11, 15], payload => Codec.Read(payload, out ControlEptView _)),
        ("DESTROY_EPT_VIEW", 8, false, [2, 7], payload => Codec.Read(payload, out DestroyEptView _)),
        ("SET_VE_INFO_PAGE", 24, true, [17, 23], payload => Codec.Read(payload, out SetVeInfoPage _)),
        ("SET_PAGE_SVE", 16, false, [3, 7], payload => Codec.Read(payload, out SetPageSve _)),
        ("CONTROL_SPP", 8, false, [1, 7], payload => Codec.Read(payload, out ControlSpp _)),
        ("SET_PAGE_WRITE_BITMAP", 8, false, [4, 7], payload => Codec.Read(payload, out SetPageWriteBitmap _)),
        ("QUERY_PHYSICAL", 8, false, [], payload => Codec.Read(payload, out QueryPhysical _)),
        ("ALLOC_GFN", 16, true, [], payload => Codec.Read(payload, out AllocGfn _)),
        ("FREE_GFN", 16, true, [], payload => Codec.Read(payload, out FreeGfn _)),
        ("CHANGE_GFN", 32, true, [10, 15], payload => Codec.Read(payload, out ChangeGfn _)),
    ];

    [Fact]
    public void Commands_come_through()
    {
        Prop.ForAll<ushort, ushort, byte>((vcpu, view, flag) =>
        {
            Same(new SwitchEptView(vcpu, view), Codec.Write, Codec.Read, CommandKind.SwitchEptView);
            Same(new ControlEptView(vcpu, view, flag), Codec.Write, Codec.Read, CommandKind.ControlEptView);
            Same(new DestroyEptView(view), Codec.Write, Codec.Read, CommandKind.DestroyEptView);
            Same(new ControlSpp(flag), Codec.Write, Codec.Read, CommandKind.ControlSpp);
        }).QuickCheckThrowOnFailure();
        Prop.ForAll<ushort, ulong, ulong>((vcpu, first, second) =>
        {
            Same(new SetVeInfoPage(vcpu, first, (byte)second), Codec.Write, Codec.Read, CommandKind.SetVeInfoPage);
            Same(new SetPageSve(vcpu, (byte)second, first), Codec.Write, Codec.Read, CommandKind.SetPageSve);
            Same(new QueryPhysical(first), Codec.Write, Codec.Read, CommandKind.QueryPhysical);
            Same(new AllocGfn(vcpu, first), Codec.Write, Codec.Read, CommandKind.AllocGfn);
            Same(new FreeGfn(vcpu, first), Codec.Write, Codec.Read, CommandKind.FreeGfn);
            Same(new ChangeGfn(vcpu, (ushort)second, first, second), Codec.Write, Codec.Read, CommandKind.ChangeGfn);
            Same(new ChangeGfn(vcpu, 0, first, second), Codec.WriteOldChangeGfn, Codec.Read, CommandKind.ChangeGfn);
        }).QuickCheckThrowOnFailure();
    }

    [Fact]
    public void Write_bitmaps_come_through() => Prop.ForAll<ushort, uint[]>((view, numbers) =>
    {
        PageWriteBitmapEntry[] entries = [.. numbers.Select(number => new PageWriteBitmapEntry((ulong)number << 12, ~number))];
        var message = new byte[8192];
        var length = Codec.WriteSetPageWriteBitmap(message, 5, view, entries);
        Assert.Equal(CommandStatus.Ok, Codec.Read(Payload(message, length, CommandKind.SetPageWriteBitmap), out SetPageWriteBitmap command));
        Assert.Equal((view, entries.Length), (command.View, command.Count));
        for (var i = 0; i < entries.Length; i++)
        {
            Assert.True(command.TryGetEntry(i, out var entry));
            Assert.Equal(entries[i], entry);
        }
    }).QuickCheckThrowOnFailure();

    [Fact]
    public void Replies_come_through() => Prop.ForAll<ulong, ulong>((first, second) =>
    {
        var data = new byte[64];
        var token = new MapToken(first, second, ~first, ~second);
        Assert.Equal(32, Codec.WriteData(data, in token));
        Assert.Equal(DecodeStatus.Ok, Codec.ReadReply(data.AsSpan(0, 32), out MapToken token2));
        Assert.Equal(token, token2);
        Assert.Equal(DecodeStatus.TooShort, Codec.ReadReply(data.AsSpan(0, 31), out token2));
        Assert.Equal(default, token2);

        var extent = new PhysicalExtent(first, second);
        Assert.Equal(16, Codec.WriteData(data, in extent));
        Assert.Equal(DecodeStatus.Ok, Codec.ReadReply(data.AsSpan(0, 16), out PhysicalExtent extent2));
        Assert.Equal(extent, extent2);
        Assert.Equal(DecodeStatus.TooShort, Codec.ReadReply(data.AsSpan(0, 15), out extent2));
        Assert.Equal(default, extent2);
    }).QuickCheckThrowOnFailure();

    // Ids and offsets by hand from the tables of the document.
    [Fact]
    public void Bytes_are_those_of_the_document()
    {
        Golden("20001000 07000000 0200000000000000 0300000000000000", message => Codec.Write(message, 7, new SwitchEptView(2, 3)));
        Golden("24001000 07000000 0200000000000000 0300010000000000", message => Codec.Write(message, 7, new ControlEptView(2, 3, 1)));
        Golden("2c000800 07000000 0300000000000000", message => Codec.Write(message, 7, new DestroyEptView(3)));
        Golden("2b000000 07000000", message => Codec.WriteEmpty(message, 7, CommandKind.CreateEptView));
        Golden("22000800 07000000 0200000000000000", message => Codec.WriteVcpuOnly(message, 7, CommandKind.GetEptView, 2));
        Golden("21000800 07000000 0200000000000000", message => Codec.WriteVcpuOnly(message, 7, CommandKind.DisableVe, 2));
        Golden("1c001800 07000000 0200000000000000 00e0010000000000 0100000000000000", message => Codec.Write(message, 7, new SetVeInfoPage(2, 0x1e000, 1)));
        Golden("1e001000 07000000 0300010000000000 0010010000000000", message => Codec.Write(message, 7, new SetPageSve(3, 1, 0x11000)));
        Golden("18000800 07000000 0100000000000000", message => Codec.Write(message, 7, new ControlSpp(1)));
        Golden(
            "1a001800 07000000 0000010000000000 0010010000000000 0f00008000000000",
            message => Codec.WriteSetPageWriteBitmap(message, 7, 0, [new PageWriteBitmapEntry(0x11000, 0x8000000f)]));
        Golden("16000000 07000000", message => Codec.WriteEmpty(message, 7, CommandKind.GetMapToken));
        Golden("1f000000 07000000", message => Codec.WriteEmpty(message, 7, CommandKind.GetNextAvailableGfn));
        Golden("27000800 07000000 1100000000000000", message => Codec.Write(message, 7, new QueryPhysical(0x11)));
        Golden("29001000 07000000 0200000000000000 1100000000000000", message => Codec.Write(message, 7, new AllocGfn(2, 0x11)));
        Golden("2a001000 07000000 0200000000000000 1100000000000000", message => Codec.Write(message, 7, new FreeGfn(2, 0x11)));
        Golden(
            "3c002000 07000000 0200000000000000 0300000000000000 1100000000000000 1200000000000000",
            message => Codec.Write(message, 7, new ChangeGfn(2, 3, 0x11, 0x12)));
        Golden(
            "3c001800 07000000 0200000000000000 1100000000000000 1200000000000000",
            message => Codec.WriteOldChangeGfn(message, 7, new ChangeGfn(2, 3, 0x11, 0x12)));
    }

    [Fact]
    public void Padding_and_lengths_are_judged_as_in_every_command()
    {
        foreach (var (name, length, hasVcpu, padding, read) in Commands)
        {
            Assert.True(read(new byte[length]) == CommandStatus.Ok, name);
            Assert.True(read(With(length + 8, length)) == CommandStatus.Ok, name + " with surplus");
            Assert.True(read(new byte[1]) == CommandStatus.Ok, name + " cut");
            foreach (var position in padding)
            {
                Assert.True(read(With(length, position)) == CommandStatus.Invalid, $"{name}, byte {position}");
            }

            foreach (var position in hasVcpu ? [2, 7] : Array.Empty<int>())
            {
                Assert.True(read(With(length, position)) == CommandStatus.Close, $"{name}, byte {position} of the vCPU header");
            }
        }
    }

    [Fact]
    public void A_bitmap_count_beyond_the_payload_is_not_believed_and_entries_show_their_padding()
    {
        var payload = new byte[8 + 31];
        payload[2] = 2;
        Assert.Equal(CommandStatus.Close, Codec.Read(payload, out SetPageWriteBitmap _));
        payload[2] = 1;
        Assert.Equal(CommandStatus.Ok, Codec.Read(payload, out SetPageWriteBitmap one));
        Assert.True(one.TryGetEntry(0, out _));
        payload[8 + 12] = 1;
        Assert.Equal(CommandStatus.Ok, Codec.Read(payload, out SetPageWriteBitmap padded));
        Assert.False(padded.TryGetEntry(0, out _));
    }

    [Fact]
    public void One_message_holds_as_many_bitmaps_as_page_accesses()
    {
        var message = new byte[16384];
        Assert.Equal(8 + 8 + (511 * 16), Codec.WriteSetPageWriteBitmap(message, 1, 0, new PageWriteBitmapEntry[Codec.MaxPageAccessEntries]));
        Assert.Throws<ArgumentException>(
            () => Codec.WriteSetPageWriteBitmap(message, 1, 0, new PageWriteBitmapEntry[Codec.MaxPageAccessEntries + 1]));
    }

    private delegate int MessageWriter(Span<byte> destination);

    private static void Golden(string hex, MessageWriter write)
    {
        var message = new byte[64];
        message.AsSpan().Fill(0xcc);
        var length = write(message);
        Assert.Equal(hex.Replace(" ", "", StringComparison.Ordinal), Convert.ToHexStringLower(message, 0, length));
    }

    private static void Same<T>(T command, Writer<T> write, Reader<T> read, CommandKind kind)
        where T : struct
    {
        var message = new byte[64];
        var length = write(message, 5, in command);
        Assert.Equal(CommandStatus.Ok, read(Payload(message, length, kind), out var again));
        Assert.Equal(command, again);
    }

    private static ReadOnlySpan<byte> Payload(byte[] message, int length, CommandKind kind)
    {
        Assert.True(MessageHeader.TryRead(message, out var header));
        Assert.Equal(length, header.MessageLength);
        Assert.True(Codec.TryGetCommand(header.Id, out var read));
        Assert.Equal(kind, read);
        return message.AsSpan(MessageHeader.Length, header.Size);
    }

    private static byte[] With(int length, int position)
    {
        var payload = new byte[length];
        payload[position] = 1;
        return payload;
    }
}
