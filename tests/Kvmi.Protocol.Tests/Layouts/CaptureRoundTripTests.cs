using Kvmi.Protocol.Captures;
using Kvmi.Protocol.Dialects;
using Kvmi.Protocol.Layouts;

namespace Kvmi.Protocol.Tests.Layouts;

public sealed class CaptureRoundTripTests
{
    private static readonly MessageEncoder Encoder = new(KvmiDialect.V7);

    // Sent on purpose by the capture of errors.
    private static readonly ushort[] UnknownIds = [0x4d, 62];

    [Fact]
    public void All_v7_captures_are_there() => Assert.Equal(14, CaptureFiles.V7.Count);

    [Theory]
    [MemberData(nameof(CaptureFiles.V7Theory), MemberType = typeof(CaptureFiles))]
    public void Every_message_decodes_and_encodes_to_the_same_bytes(string file)
    {
        var entries = CaptureFiles.Read(file);
        Assert.All(entries, entry => Assert.Null(entry.Error));
        foreach (var item in CaptureConversation.Decode(entries, KvmiDialect.V7))
        {
            if (item.Entry.Bytes is not { } bytes)
            {
                Assert.Null(item.Message);
                continue;
            }

            var message = item.Message!;
            Assert.Equal(Convert.ToHexString(bytes), Convert.ToHexString(Encoder.Encode(message)));
            if (UnknownIds.Contains(message.Id))
            {
                Assert.Equal(DecodedMessage.Unknown, message.Name);
                Assert.NotNull(message.Problem);
            }
            else
            {
                Assert.NotEqual(DecodedMessage.Unknown, message.Name);
                Assert.Null(message.Problem);
            }
        }
    }

    [Theory]
    [MemberData(nameof(CaptureFiles.V7Theory), MemberType = typeof(CaptureFiles))]
    public void Nothing_waits_at_the_end_but_what_has_no_answer(string file)
    {
        var decoder = new MessageDecoder(KvmiDialect.V7);
        foreach (var entry in CaptureFiles.Read(file).Where(CaptureFiles.IsMessage))
        {
            decoder.Decode(entry.Direction, entry.Bytes);
        }

        // Three writes of this capture are sent while replies are switched off; the Linux one is cut in the middle.
        Assert.Equal(file == "kvmi-v7-cmd-response.hex" ? 3 : 0, decoder.OutstandingCommands);
        Assert.InRange(decoder.OutstandingEvents, 0, file == "kvmi-v7-linux-cr3.hex" ? 2 : 0);
    }

    [Fact]
    public void A_dialect_without_a_table_is_refused_with_those_that_have_one()
    {
        Assert.All(Dialect.All, dialect => Assert.True(MessageDecoder.Supports(dialect.Id)));
        Assert.False(MessageDecoder.Supports((KvmiDialect)99));
        var error = Assert.Throws<NotSupportedException>(() => new MessageDecoder((KvmiDialect)99));
        Assert.Contains("v7, v12, v11", error.Message, StringComparison.Ordinal);
    }
}
