using Kvmi.Protocol.Commands;
using Kvmi.Protocol.Dialects;
using Kvmi.Protocol.Tests.Dialects.Later;
using static Kvmi.Protocol.Tests.Dialects.Later.KernelReader;

namespace Kvmi.Protocol.Tests.Dialects.V7;

/// <summary>What only the v7 kernel does (kvmi-later-dialects.md 4.1).</summary>
public sealed class V7KernelRulesTests() : LaterKernelRulesTests(KvmiDialect.V7)
{
    protected override CommandStatus VcpuPadding => CommandStatus.Close;

    protected override KernelReader[] OwnCommands =>
    [
        new("CONTROL_CR", 16, true, [9, 11], (codec, payload) => codec.Read(payload, out ControlCr _)),
        new("CONTROL_CMD_RESPONSE", 8, false, [3, 7], (codec, payload) => codec.Read(payload, out ControlCommandResponse _)),
        new("SET_PAGE_ACCESS", 8, false, [4, 7], (codec, payload) => codec.Read(payload, out SetPageAccess _)),
    ];

    [Theory]
    [InlineData(2)]
    [InlineData(9)]
    [InlineData(15)]
    public void Padding_of_pause_always_closes(int position) =>
        Assert.Equal(CommandStatus.Close, Codec.Read(With(16, position), out PauseVcpu _));

    [Theory]
    [InlineData(3, 4, CommandStatus.Close)]
    [InlineData(5, 4, CommandStatus.Close)]
    [InlineData(4, 4, CommandStatus.Ok)]
    [InlineData(0, 0, CommandStatus.Ok)]
    public void Write_whose_size_is_not_its_payload_closes(byte size, int bytes, CommandStatus expected)
    {
        var payload = new byte[16 + bytes];
        payload[8] = size;
        Assert.Equal(expected, Codec.Read(payload, out WritePhysical _));
        Assert.Equal(CommandStatus.Close, Codec.Read(payload.AsSpan(0, 15), out WritePhysical _));
    }

    [Fact]
    public void Entries_beyond_the_payload_are_not_believed()
    {
        var access = new byte[8 + 31];
        access[2] = 2;
        Assert.Equal(CommandStatus.Close, Codec.Read(access, out SetPageAccess _));
        access[2] = 1;
        Assert.Equal(CommandStatus.Ok, Codec.Read(access, out SetPageAccess one));
        Assert.Equal(1, one.Count);
        access[17] = 1;
        Codec.Read(access, out SetPageAccess padded);
        Assert.False(padded.TryGetEntry(0, out _, out _));
    }

    [Fact]
    public void An_xsave_area_has_any_length_up_to_4096()
    {
        Assert.Equal(CommandStatus.Ok, Codec.ReadSetXsave(new byte[8], out _, out var none));
        Assert.True(none.IsEmpty);
        Assert.Equal(CommandStatus.Ok, Codec.ReadSetXsave(new byte[8 + 4096], out _, out var whole));
        Assert.Equal(4096, whole.Length);
        Assert.Equal(CommandStatus.Invalid, Codec.ReadSetXsave(new byte[8 + 4097], out _, out _));
        Assert.Equal(CommandStatus.Close, Codec.ReadSetXsave(With(8 + 4096, 2), out _, out _));
    }

    [Theory]
    [InlineData(12)]
    [InlineData(14)]
    [InlineData(15)]
    [InlineData(9)]
    public void Page_fault_reply_with_padding_or_a_context_beyond_256_closes(int position) =>
        Assert.Equal(CommandStatus.Close, ReadReply(EventKind.PageFault, With(288, 16 + position), out _));

    [Fact]
    public void Rules_of_events_are_the_documents()
    {
        foreach (var kind in Enum.GetValues<EventKind>())
        {
            Assert.Equal(kind is not (EventKind.Unhook or EventKind.CommandError), Codec.ExpectsReply(kind));
            Assert.Equal(kind is EventKind.Unhook or EventKind.CreateVcpu, Codec.IsVmEvent(kind));
            Assert.True(Codec.TryGetEventId(kind, out _));
        }

        Assert.False(Codec.TryGetEvent(14, out _));
    }

    [Theory]
    [InlineData(14, 552 - 8, DecodeStatus.UnknownId)]
    [InlineData(1, 544, DecodeStatus.TooShort)]
    [InlineData(10, 544, DecodeStatus.Ok)]
    [InlineData(10, 543, DecodeStatus.TooShort)]
    public void Events_that_are_too_short_or_unknown_are_refused(byte id, int payload, DecodeStatus expected)
    {
        var message = new byte[8 + payload];
        new MessageHeader(1, (ushort)payload, 1).Write(message);
        message[8] = 0x20;
        message[9] = 2;
        message[12] = id;
        Assert.Equal(expected, Codec.ReadEvent(message, out _));
        message[8] = 0x1f;
        Assert.NotEqual(DecodeStatus.Ok, Codec.ReadEvent(message, out _));
        message[9] = 0xff;
        Assert.NotEqual(DecodeStatus.Ok, Codec.ReadEvent(message, out _));
        message[0] = 2;
        Assert.Equal(DecodeStatus.UnknownId, Codec.ReadEvent(message, out _));
    }
}
