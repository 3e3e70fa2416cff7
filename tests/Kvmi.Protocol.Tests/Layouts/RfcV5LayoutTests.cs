using System.Globalization;
using Kvmi.Protocol.Captures;
using Kvmi.Protocol.Dialects;
using Kvmi.Protocol.Layouts;
using Kvmi.TestSupport;

namespace Kvmi.Protocol.Tests.Layouts;

/// <summary>The generic decoder and encoder against the vectors of rfc-v5, and the conversation made of them.</summary>
public sealed class RfcV5LayoutTests
{
    private static readonly MessageEncoder Encoder = new(KvmiDialect.RfcV5);
    private static readonly DialectLayouts Table = DialectLayouts.Get(KvmiDialect.RfcV5);
    private static readonly Dialect Codec = Dialect.Find(KvmiDialect.RfcV5)!;
    private static readonly string Conversation = Path.Combine(AppContext.BaseDirectory, "Fixtures", "captures-rfc-v5", "kvmi-rfc-v5-vectors.hex");

    public static TheoryData<string> Messages { get; } =
        [.. RfcV5Vectors.All.Keys.Where(name => name[0] is not ('H' or 'I')).Order(StringComparer.Ordinal)];

    [Theory]
    [MemberData(nameof(Messages))]
    public void Vector_decodes_and_encodes_to_the_same_bytes(string name)
    {
        var (direction, bytes) = RfcV5Vectors.All[name];
        var decoder = new MessageDecoder(KvmiDialect.RfcV5);
        var message = decoder.Decode(direction == "T>H" ? MessageDirection.ToolToKernel : MessageDirection.KernelToTool, bytes);
        Assert.Equal(Convert.ToHexString(bytes), Convert.ToHexString(Encoder.Encode(message)));

        // Ids that do not exist, and the id of events from the tool, are sent on purpose.
        Assert.Equal(name is "C46" or "C47" or "X1" or "X3" or "X11", message.Problem is not null);
    }

    // Hand-written from the descriptions of the vectors.
    [Theory]
    [InlineData("C2", "GET_VERSION version=0x1 commands=0x1f8efcca events=0x7ff")]
    [InlineData("C5", "GET_GUEST_INFO vcpu_count=0x4 tsc_speed=0x8f0d1800")]
    [InlineData("C10", "GET_REGISTERS vcpu=0x0 nmsrs=0x2 idx=[0xc0000080, 0x176]")]
    [InlineData("C15", "GET_CPUID vcpu=0x2 function=0x80000001 index=0x0")]
    [InlineData("C18", "GET_PAGE_ACCESS vcpu=0x0 count=0x2 view=0x0 entries=[{gpa=0x1000}, {gpa=0x7ffff123}]")]
    [InlineData("C19", "GET_PAGE_ACCESS access=0705")]
    [InlineData("C22", "SET_PAGE_ACCESS vcpu=0x0 count=0x2 view=0x0 entries=[{gpa=0x1aaa000, access=0x5}, {gpa=0x1aab000, access=0x3}]")]
    [InlineData("C26", "INJECT_EXCEPTION vcpu=0x1 nr=0xe has_error=0x1 error_code=0x6 address=0x7fffdeadb000")]
    [InlineData("C31", "WRITE_PHYSICAL gpa=0x2ffe size=0x2 data=cc90")]
    [InlineData("C36", "CONTROL_EVENTS vcpu=0x0 events=0x56")]
    [InlineData("C38", "CONTROL_CR vcpu=0x0 enable=0x1 cr=0x3")]
    [InlineData("C39", "CONTROL_MSR vcpu=0x3 enable=0x1 msr=0xc0000082")]
    [InlineData("C40", "CONTROL_VM_EVENTS events=0x201")]
    [InlineData("R1", "CR action=0x0 event=0x1 new_val=0x1bbb000")]
    [InlineData("R4", "BREAKPOINT action=0x1 event=0x4")]
    [InlineData("R13c", "PAUSE_VCPU action=0x2 event=0xa")]
    public void Fields_have_the_documents_names_and_values(string name, string expected)
    {
        var (direction, bytes) = RfcV5Vectors.All[name];
        var decoder = new MessageDecoder(KvmiDialect.RfcV5);
        var message = decoder.Decode(direction == "T>H" ? MessageDirection.ToolToKernel : MessageDirection.KernelToTool, bytes);
        Assert.Equal(expected, string.Join(' ', message.Fields.Select(field => field.ToString()).Prepend(message.Name)));
    }

    [Theory]
    [InlineData("E1", "CR", "cr=0x3 old_value=0x1aaa000 new_value=0x1bbb000")]
    [InlineData("E4", "BREAKPOINT", "gpa=0x1234567")]
    [InlineData("E6", "PF", "gva=0xffff888000001000 gpa=0x1aab000 access=0x4")]
    [InlineData("E9", "TRAP", "vector=0xd type=0x300 error_code=0x18 cr2=0x0")]
    [InlineData("E10", "DESCRIPTOR", "instr_info=0x12345678 exit_qualification=0xfffffffffffffff0 descriptor=0x1 write=0x1")]
    public void Events_have_the_base_and_their_own_data(string name, string kind, string data)
    {
        var message = new MessageDecoder(KvmiDialect.RfcV5).Decode(MessageDirection.KernelToTool, RfcV5Vectors.Bytes(name));
        Assert.Equal((MessageRole.Event, kind), (message.Role, message.Name));
        Assert.Equal(["event", "vcpu", "mode", "regs", "sregs", "msrs"], message.Fields.Take(6).Select(field => field.Name));
        Assert.Equal(data, string.Join(' ', message.Fields.Skip(6)));
    }

    [Fact]
    public void Every_command_and_event_of_the_codec_has_a_layout_and_the_other_way_round()
    {
        foreach (var kind in Enum.GetValues<CommandKind>())
        {
            Assert.Equal(Codec.TryGetCommandId(kind, out var id), id != 0 && Table.Command(id) is not null);
        }

        Assert.All(Table.Commands, command => Assert.True(Codec.TryGetCommand(command.Id, out _)));
        foreach (var kind in Enum.GetValues<EventKind>().Where(kind => Codec.TryGetEventId(kind, out _)))
        {
            var entry = Table.Event((ulong)kind)!;
            Assert.Equal(Codec.ExpectsReply(kind), entry.ExpectsReply);
            Assert.Equal(Codec.EventReplyLength(kind), 16 + FieldLayout.FixedLength(entry.ReplyExtra));
        }

        Assert.Equal(536, FieldLayout.FixedLength(Table.Shapes[0].Base));
        Assert.Null(Table.Event(11));
    }

    // The fixed sizes that the receiver insists on (rfc-v5 1.9) are those of the layouts.
    [Fact]
    public void Receiver_and_layouts_agree_on_every_fixed_size()
    {
        foreach (var command in Table.Commands)
        {
            var size = (ushort)FieldLayout.FixedLength(command.Request);
            var fits = Codec.CheckHeader(new MessageHeader(command.Id, size, 1));
            Assert.True(fits == Kvmi.Protocol.Commands.CommandStatus.Ok, command.Name);
            Assert.Equal(Kvmi.Protocol.Commands.CommandStatus.Close, Codec.CheckHeader(new MessageHeader(command.Id, (ushort)(size - 1), 1)));
        }
    }

    [Fact]
    public void Conversation_of_the_vectors_is_known_as_rfc_v5_and_comes_back()
    {
        using var reader = new StreamReader(Conversation);
        var entries = HexCapture.Read(reader).ToArray();
        Assert.All(entries, entry => Assert.Null(entry.Error));
        var inferred = ConversationDialect.Infer(entries);
        Assert.True(inferred.Dialect == KvmiDialect.RfcV5, inferred.Reason);
        var seen = new HashSet<string>();
        foreach (var item in CaptureConversation.Decode(entries, KvmiDialect.RfcV5).Where(item => item.Message is not null))
        {
            var bytes = item.Entry.Bytes!;
            Assert.Equal(Convert.ToHexString(bytes), Convert.ToHexString(Encoder.Encode(item.Message!)));
            var name = item.Entry.Note.Split(' ')[0];
            Assert.Equal(Convert.ToHexString(RfcV5Vectors.Bytes(name)), Convert.ToHexString(bytes));
            seen.Add(name);
        }

        // The arguments of the ioctls never cross the wire.
        Assert.Equal(["I1", "I2"], RfcV5Vectors.All.Keys.Except(seen).Order(StringComparer.Ordinal));
    }

    [Theory]
    [InlineData("C2")]
    [InlineData("E13")]
    public void One_telling_message_is_enough_to_know_the_dialect(string name)
    {
        var entry = new HexCaptureEntry { Line = 1, Direction = MessageDirection.KernelToTool, Bytes = RfcV5Vectors.Bytes(name) };
        Assert.Equal(KvmiDialect.RfcV5, ConversationDialect.Infer([entry]).Dialect);
    }

    [Fact]
    public void A_capture_from_the_middle_is_known_by_its_sizes()
    {
        string[] names = ["C8", "C9", "C15", "C16", "C18", "C19", "C41", "C42"];
        var inferred = ConversationDialect.Infer(names.Select(name => new HexCaptureEntry
        {
            Line = int.Parse(name[1..], CultureInfo.InvariantCulture),
            Direction = RfcV5Vectors.All[name].Direction == "T>H" ? MessageDirection.ToolToKernel : MessageDirection.KernelToTool,
            Bytes = RfcV5Vectors.Bytes(name),
        }));
        Assert.True(inferred.Dialect == KvmiDialect.RfcV5, inferred.Reason);
    }
}
