using Kvmi.Protocol.Captures;
using Kvmi.Protocol.Dialects;
using Kvmi.Protocol.Layouts;
using Kvmi.Protocol.Tests.Captures;
using static Kvmi.Protocol.Layouts.LayoutFields;

namespace Kvmi.Protocol.Tests.Layouts;

/// <summary>
/// A table of another dialect needs no change of decoder and encoder. The most different shape is that of v11: two message ids for
/// events, a header in front of the base, event and reply under one id. The table here holds its events and a few commands.
/// </summary>
public sealed class OtherDialectTableTests
{
    private static readonly DialectLayouts Table = new(
        KvmiDialect.V11,
        "v11",
        [
            new(2, "GET_VERSION", None, [U32("version"), U32("max_msg_size"), Bytes("features", 8)]),
            new(5, "VCPU_CONTROL_EVENTS", [U16("vcpu"), Pad(6), U16("event"), U8("enable"), Pad(5)], None),
            new(16, "VM_PAUSE_VCPU", [U16("vcpu"), U8("wait"), Pad(5)], None),
        ],
        [
            new EventShape { MessageId = 0, Base = [U16("event"), Pad(6)], Events = [new(0, "UNHOOK", None, None) { ExpectsReply = false }] },
            new EventShape
            {
                MessageId = 1,
                Base =
                [
                    U16("event"), Pad(6), U16("size"), U16("vcpu"), Pad(4), U8("mode"), Pad(7),
                    MachineLayouts.Regs, MachineLayouts.Sregs, MachineLayouts.EventMsrs,
                ],
                Events =
                [
                    new(1, "PAUSE", None, None),
                    new(7, "CR", [U8("cr"), Pad(7), U64("old"), U64("new")], [U64("new_val")]),
                    new(15, "MSR", [U32("msr"), Pad(4), U64("old"), U64("new")], [U64("new_val")]),
                    new(17, "PF", [U64("gva"), U64("gpa"), U8("access"), Pad(7)], None),
                ],
                SizeField = "size",
                SizeOrigin = 8,
            },
        ],
        replyId: 1,
        [U16("vcpu"), Pad(6), U8("action"), U8("event"), Pad(6)]);

    public static TheoryData<string> V11 => ConversationDialectTests.V11;

    [Theory]
    [MemberData(nameof(V11))]
    public void V11_captures_come_back_and_their_events_have_names(string path)
    {
        using var reader = new StreamReader(path);
        var decoder = new MessageDecoder(Table);
        var encoder = new MessageEncoder(Table);
        foreach (var entry in HexCapture.Read(reader).Where(CaptureFiles.IsMessage))
        {
            var message = decoder.Decode(entry.Direction, entry.Bytes);
            Assert.Equal(Convert.ToHexString(entry.Bytes!), Convert.ToHexString(encoder.Encode(message)));
            var isEvent = entry.Note.StartsWith("EVENT", StringComparison.Ordinal);
            Assert.Equal(isEvent, message.Role == MessageRole.Event);
            Assert.Equal(entry.Note.StartsWith("REPLY to", StringComparison.Ordinal), message.Role == MessageRole.EventReply);
            if (message.Role is MessageRole.Event or MessageRole.EventReply)
            {
                Assert.Null(message.Problem);
                Assert.Contains(message.Name, entry.Note, StringComparison.Ordinal);
            }

            if (message.Name == "CR" && isEvent)
            {
                Assert.True(message.Find("cr")!.Number is 0 or 3 or 4);
            }
        }
    }

    [Fact]
    public void Vm_events_have_a_shape_of_their_own()
    {
        var bytes = Convert.FromHexString("00000800050000000000000000000000");
        var message = new MessageDecoder(Table).Decode(MessageDirection.KernelToTool, bytes);
        Assert.Equal((MessageRole.Event, "UNHOOK"), (message.Role, message.Name));
        Assert.Equal(bytes, new MessageEncoder(Table).Encode(message));
    }
}
