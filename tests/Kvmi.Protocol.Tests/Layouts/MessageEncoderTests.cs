using Kvmi.Protocol.Commands;
using Kvmi.Protocol.Dialects;
using Kvmi.Protocol.Layouts;

namespace Kvmi.Protocol.Tests.Layouts;

public sealed class MessageEncoderTests
{
    private static readonly Dialect Codec = Dialect.Find(KvmiDialect.V7)!;
    private static readonly MessageEncoder Encoder = new(KvmiDialect.V7);

    [Fact]
    public void Message_made_by_hand_is_what_the_typed_codec_writes()
    {
        var typed = new byte[64];
        var command = new ControlCr(2, 4, 1);
        var length = Codec.Write(typed, 9, in command);
        var bytes = Encoder.Encode(Make("CONTROL_CR", 10, ("vcpu", 2), ("enable", 1), ("cr", 4)));
        Assert.Equal(typed[..length], bytes);
    }

    [Fact]
    public void Every_command_of_the_codec_has_a_layout_and_the_other_way_round()
    {
        var table = DialectLayouts.Get(KvmiDialect.V7);
        foreach (var kind in Enum.GetValues<CommandKind>())
        {
            Assert.Equal(Codec.TryGetCommandId(kind, out var id), table.Command(id) is not null && id != 0);
        }

        Assert.All(table.Commands, command => Assert.True(Codec.TryGetCommand(command.Id, out _)));
        foreach (var kind in Enum.GetValues<EventKind>())
        {
            Codec.TryGetEventId(kind, out var id);
            Assert.Equal(Codec.ExpectsReply(kind), table.Event((ulong)id)!.ExpectsReply);
            Assert.Equal(Codec.EventReplyLength(kind), 24 + FieldLayout.FixedLength(table.Event((ulong)id)!.ReplyExtra));
        }
    }

    [Fact]
    public void Base_and_replies_have_the_documents_lengths()
    {
        var table = DialectLayouts.Get(KvmiDialect.V7);
        Assert.Equal(544, FieldLayout.FixedLength(table.Shapes[0].Base));
        Assert.Equal(16, FieldLayout.FixedLength(table.EventReplyBase));
        Assert.Equal(472, FieldLayout.FixedLength(table.Command("GET_REGISTERS")!.Reply));
        Assert.Equal(16, FieldLayout.FixedLength(table.Command("GET_VERSION")!.Reply));
    }

    // Values through the typed codec of every event, so that both descriptions of the dialect agree on every offset.
    [Fact]
    public void Layouts_and_typed_codec_agree_on_every_event()
    {
        foreach (var body in Dialects.V7.V7States.Bodies(0x1122334455667788, 0x9abcdef7))
        {
            var state = Dialects.V7.V7States.State([5, 6, 7]);
            var bytes = new byte[1024];
            var length = Codec.WriteEvent(bytes, 3, 1, in state, in body);
            var message = new MessageDecoder(KvmiDialect.V7).Decode(MessageDirection.KernelToTool, bytes.AsSpan(0, length));
            Assert.Null(message.Problem);
            Assert.Null(message.Find("trailing"));
            Assert.DoesNotContain(message.Fields, field => field.Name.StartsWith("padding", StringComparison.Ordinal));
            Assert.Equal(bytes[..length], Encoder.Encode(message));
        }
    }

    [Fact]
    public void Message_that_does_not_fit_its_layout_is_refused_with_the_fields_name()
    {
        Refused(Make("CONTROL_CR", 10, ("vcpu", 0x10000), ("enable", 1), ("cr", 4)), "vcpu");
        Refused(Make("CONTROL_CR", 10, ("vcpu", 0), ("cr", 4)), "cr");
        Refused(Make("CONTROL_CR", 10, ("vcpu", 0), ("vcpu", 4)), "vcpu");
        Refused(Make("CONTROL_CR", 10, ("vcpu", 0), ("enable", 1), ("cr", 4), ("speed", 1)), "speed");
        Refused(Make("CONTROL_WARP", 10), "CONTROL_WARP");
        Refused(Make("CONTROL_CR", 10, ("vcpu", 0), ("enable", 1), ("cr", 4)) with { Size = 12 }, "16");
        Refused(Make("CONTROL_CR", 10, ("vcpu", 0), ("enable", 1), ("cr", 4)) with { Size = 20 }, "20");
        Refused(Make("WRITE_PHYSICAL", 18, ("gpa", 0), ("size", 1), ("data", 4)), "data");
        Refused(Make("READ_PHYSICAL", 17) with { Fields = [new("gpa", FieldValue.Signed(1))] }, "gpa");
        Refused(Make("SET_PAGE_ACCESS", 21, ("view", 0), ("count", 1), ("entries", 1)), "entries");
        Refused(Make("PF", 9) with { Role = MessageRole.Event }, "9");
    }

    [Fact]
    public void Change_gfn_made_by_hand_takes_the_form_of_its_fields()
    {
        Assert.Equal(32, Encoder.Encode(Make("CHANGE_GFN", 60, ("vcpu", 0), ("old", 1), ("new", 2))).Length);
        Assert.Equal(40, Encoder.Encode(Make("CHANGE_GFN", 60, ("vcpu", 0), ("view", 0), ("old", 1), ("new", 2))).Length);
    }

    private static void Refused(DecodedMessage message, string name) =>
        Assert.Contains(name, Assert.Throws<ArgumentException>(() => Encoder.Encode(message)).Message, StringComparison.Ordinal);

    private static DecodedMessage Make(string name, ushort id, params (string Name, ulong Value)[] fields) => new()
    {
        Direction = MessageDirection.ToolToKernel,
        Role = MessageRole.Command,
        Name = name,
        Id = id,
        Sequence = 9,
        Fields = [.. fields.Select(field => new DecodedField(field.Name, FieldValue.Unsigned(field.Value)))],
    };
}
