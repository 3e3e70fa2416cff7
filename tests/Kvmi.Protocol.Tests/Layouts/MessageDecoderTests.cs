using Kvmi.Protocol.Dialects;
using Kvmi.Protocol.Layouts;

namespace Kvmi.Protocol.Tests.Layouts;

public sealed class MessageDecoderTests
{
    private static readonly MessageEncoder Encoder = new(KvmiDialect.V7);

    [Fact]
    public void Command_has_the_documents_names()
    {
        var message = Tool("0a0010000700000001000000000000000100000003000000");
        Assert.Equal((MessageRole.Command, "CONTROL_CR", (ushort)10, 7u), (message.Role, message.Name, message.Id, message.Sequence));
        Assert.Equal(["vcpu=0x1", "enable=0x1", "cr=0x3"], Texts(message));
        Assert.Null(message.Problem);
        Assert.Null(message.Error);
    }

    [Fact]
    public void Entries_are_nested_lists()
    {
        var message = Tool("1500280044000000000002000000000000100100000000000300000000000000002001000000000005aa000000000000");
        Assert.Equal("SET_PAGE_ACCESS", message.Name);
        Assert.Equal(
            ["view=0x0", "count=0x2", "entries=[{gpa=0x11000, access=0x3}, {gpa=0x12000, access=0x5, padding@9=aa000000000000}]"], Texts(message));
    }

    [Fact]
    public void Count_beyond_the_payload_gives_the_entries_that_are_there()
    {
        var message = Tool("150020004400000000 00ffff000000000010010000000000030000000000000001020304 05060708".Replace(" ", "", StringComparison.Ordinal));
        Assert.Single(message.Find("entries")!.Items);
        Assert.Equal("0102030405060708", message.Find("trailing")!.ToString());
    }

    [Fact]
    public void Padding_trailing_and_cut_payloads_are_visible()
    {
        Assert.Equal(["id=0x2", "padding@2=010000000000"], Texts(Tool("030008005b0000000200010000000000")));
        Assert.Equal(["trailing=0000000000000000"], Texts(Tool("020008005a0000000000000000000000")));
        Assert.Equal(["vcpu=0x1", "enable=0x1", "truncated=0300"], Texts(Tool("0a000e000700000001000000000000000100000003 00".Replace(" ", "", StringComparison.Ordinal))));
        Assert.Equal(["vcpu=0x1", "padding@2=07"], Texts(Tool("0a00030007000000010007")));
        Assert.Equal(["vcpu=0x1"], Texts(Tool("0a00030007000000010000")));
        Assert.Empty(Tool("0a00000007000000").Fields);
    }

    [Fact]
    public void Error_reply_has_an_error_and_no_fields()
    {
        var message = Kernel("0600080005000000eaffffff00000000");
        Assert.Equal((MessageRole.CommandReply, "GET_VCPU_INFO", -22), (message.Role, message.Name, message.Error!.Value));
        Assert.Empty(message.Fields);
        Assert.Equal(["trailing=01"], Texts(Kernel("0600090005000000eaffffff0000000001")));
        Assert.Equal(["padding@4=05"], Texts(Kernel("0600050005000000eaffffff05")));
        var cut = Kernel("0600020005000000eaff");
        Assert.Null(cut.Error);
        Assert.Equal(["truncated=eaff"], Texts(cut));
    }

    [Fact]
    public void Registers_are_named()
    {
        var bytes = CaptureFiles.First("kvmi-v7-pagefault.hex", MessageDirection.KernelToTool, header => header.Id == 1);
        var message = new MessageDecoder(KvmiDialect.V7).Decode(MessageDirection.KernelToTool, bytes);
        Assert.Equal("PF", message.Name);
        Assert.Equal(["size", "vcpu", "event", "mode", "view", "regs", "sregs", "msrs", "gva", "gpa", "access", "pf_view"], message.Fields.Select(field => field.Name));
        Assert.Equal(0x11000ul, message.Find("gpa")!.Number);
        Assert.Equal(0x11000ul, message.Find("regs")!.Fields.Single(field => field.Name == "rip").Value.Number);
        var cs = message.Find("sregs")!.Fields[0];
        Assert.Equal(("cs", "selector"), (cs.Name, cs.Value.Fields[2].Name));
        Assert.Equal("shadow_gs", message.Find("msrs")!.Fields[8].Name);
    }

    [Fact]
    public void Event_reply_is_understood_by_the_event_it_answers_not_by_its_event_byte()
    {
        var decoder = new MessageDecoder(KvmiDialect.V7);
        var cr = CaptureFiles.First("kvmi-v7-cr.hex", MessageDirection.KernelToTool, header => header.Id == 1);
        decoder.Decode(MessageDirection.KernelToTool, cr);
        Assert.Equal(1, decoder.OutstandingEvents);

        var reply = new byte[32];
        new MessageHeader(0, 24, BitConverter.ToUInt32(cr, 4)).Write(reply);
        reply[17] = 10;
        reply[24] = 0x42;
        var message = decoder.Decode(MessageDirection.ToolToKernel, reply);
        Assert.Equal("CR", message.Name);
        Assert.Equal(["vcpu=0x0", "action=0x0", "event=0xa", "new_val=0x42"], Texts(message));
        Assert.Equal(0, decoder.OutstandingEvents);

        // Once more, nobody waits: now the byte is all there is.
        var second = decoder.Decode(MessageDirection.ToolToKernel, reply);
        Assert.Equal("PAUSE_VCPU", second.Name);
        Assert.Equal("4200000000000000", second.Find("trailing")!.ToString());
    }

    [Fact]
    public void Base_that_grew_keeps_its_extra_bytes()
    {
        var old = CaptureFiles.First("kvmi-v7-cr.hex", MessageDirection.KernelToTool, header => header.Id == 1);
        byte[] grown = [.. old[..552], 1, 2, 3, 4, 5, 6, 7, 8, .. old[552..]];
        BitConverter.TryWriteBytes(grown.AsSpan(2), (ushort)(grown.Length - 8));
        BitConverter.TryWriteBytes(grown.AsSpan(8), (ushort)552);
        var message = new MessageDecoder(KvmiDialect.V7).Decode(MessageDirection.KernelToTool, grown);
        Assert.Null(message.Problem);
        Assert.Equal("0102030405060708", message.Find("base_extra")!.ToString());
        Assert.Equal(3ul, message.Find("cr")!.Number);
        Assert.Equal(grown, Encoder.Encode(message));
        Assert.Equal(DecodeStatus.Ok, Dialect.Find(KvmiDialect.V7)!.ReadEvent(grown, out var frame));
        Assert.Equal(3, frame.Cr);
    }

    [Theory]
    [InlineData("0100", 2, "header has 8 bytes")]
    [InlineData("0500080001000000aa", 9, "announces 8")]
    [InlineData("4d00000001000000", 0, "id 77")]
    [InlineData("0000000001000000", 8, "no event")]
    public void What_cannot_be_decoded_says_where_and_why(string hex, int offset, string reason)
    {
        var message = Tool(hex);
        Assert.Equal(DecodedMessage.Unknown, message.Name);
        Assert.Equal(offset, message.Problem!.Offset);
        Assert.Contains(reason, message.Problem.Reason, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(4, 14, "event id 14")]
    [InlineData(0, 7, "size field")]
    public void Odd_events_have_a_problem_and_still_encode(int position, byte value, string reason)
    {
        var bytes = CaptureFiles.First("kvmi-v7-cr.hex", MessageDirection.KernelToTool, header => header.Id == 1).ToArray();
        bytes[8 + position] = value;
        bytes[9] = position == 0 ? (byte)0 : bytes[9];
        var message = new MessageDecoder(KvmiDialect.V7).Decode(MessageDirection.KernelToTool, bytes);
        Assert.Contains(reason, message.Problem!.Reason, StringComparison.Ordinal);
        Assert.Equal(bytes, Encoder.Encode(message));
    }

    [Fact]
    public void Both_ages_of_change_gfn_are_known()
    {
        Assert.Equal(["vcpu=0x0", "old=0x11", "new=0x12"], Texts(Tool("3c0018006b000000000000000000000011000000000000001200000000000000")));
        Assert.Equal(
            ["vcpu=0x0", "view=0x1", "old=0x11", "new=0x12"],
            Texts(Tool("3c0020006b0000000000000000000000010000000000000011000000000000001200000000000000")));
    }

    [Fact]
    public void Id_of_events_sent_as_a_command_gets_a_reply_not_an_event()
    {
        var decoder = new MessageDecoder(KvmiDialect.V7);
        decoder.Decode(MessageDirection.ToolToKernel, Convert.FromHexString("0100000009000000"));
        var reply = decoder.Decode(MessageDirection.KernelToTool, Convert.FromHexString("010008000900000018fcffff00000000"));
        Assert.Equal((MessageRole.CommandReply, -1000), (reply.Role, reply.Error!.Value));
        Assert.Equal(0, decoder.OutstandingCommands);
    }

    [Fact]
    public void Endless_questions_without_answers_do_not_grow_the_decoder()
    {
        var decoder = new MessageDecoder(KvmiDialect.V7);
        var message = new byte[8];
        for (var sequence = 0u; sequence < 200_000; sequence++)
        {
            new MessageHeader(5, 0, sequence).Write(message);
            decoder.Decode(MessageDirection.ToolToKernel, message);
        }

        Assert.InRange(decoder.OutstandingCommands, 1, 65536);
    }

    [Fact]
    public void Handshake_records_are_messages()
    {
        var entries = CaptureFiles.Read("kvmi-v7-handshake.hex");
        var hello = MessageDecoder.DecodeHello(entries[0].Bytes);
        Assert.Equal((DecodedMessage.Hello, MessageRole.Handshake), (hello.Name, hello.Role));
        Assert.Equal(
            ["struct_size=0x60", "uuid=11223344-5566-7788-99aa-bbccddeeff00", "cpu_type=0x0", "start_time=1795217023", "name=rig-guest"],
            Texts(hello));
        Assert.Equal(entries[0].Bytes, Encoder.Encode(hello));
        var answer = MessageDecoder.DecodeAnswer(entries[1].Bytes);
        Assert.Equal(["struct_size=0x18", "cookie_hash=" + new string('0', 40)], Texts(answer));
        Assert.Equal(entries[1].Bytes, Encoder.Encode(answer));
    }

    [Theory]
    [InlineData(32)]
    [InlineData(50)]
    [InlineData(96)]
    [InlineData(104)]
    [InlineData(128)]
    [InlineData(500)]
    public void Hello_of_every_size_comes_back(int size)
    {
        var random = new Random(size);
        for (var round = 0; round < 50; round++)
        {
            var record = new byte[size];
            random.NextBytes(record);
            BitConverter.TryWriteBytes(record, size);
            var hello = MessageDecoder.DecodeHello(record);
            Assert.Null(hello.Problem);
            Assert.Equal(record, Encoder.Encode(hello));
        }
    }

    private static DecodedMessage Tool(string hex) => Decode(MessageDirection.ToolToKernel, hex);

    private static DecodedMessage Kernel(string hex) => Decode(MessageDirection.KernelToTool, hex);

    private static DecodedMessage Decode(MessageDirection direction, string hex)
    {
        var bytes = Convert.FromHexString(hex);
        var message = new MessageDecoder(KvmiDialect.V7).Decode(direction, bytes);
        Assert.Equal(hex, Convert.ToHexStringLower(Encoder.Encode(message)));
        return message;
    }

    private static IEnumerable<string> Texts(DecodedMessage message) => message.Fields.Select(field => field.ToString());
}
