using Kvmi.Protocol.Captures;
using Kvmi.Protocol.Dialects;
using Kvmi.Protocol.Layouts;

namespace Kvmi.Protocol.Tests.Layouts;

public sealed class CaptureRoundTripTests
{
    // Sent on purpose by the captures of errors: two in v7, two in v11.
    private static readonly ushort[] UnknownIds = [0x4d, 62, 1000, 1002];

    [Fact]
    public void All_captures_are_there() => Assert.Equal((14, 8), (CaptureFiles.V7.Count, CaptureFiles.V11.Count));

    [Theory]
    [MemberData(nameof(CaptureFiles.All), MemberType = typeof(CaptureFiles))]
    public void Every_message_decodes_and_encodes_to_the_same_bytes(string file)
    {
        var entries = CaptureFiles.Read(file);
        Assert.All(entries, entry => Assert.Null(entry.Error));
        var encoder = new MessageEncoder(CaptureFiles.DialectOf(file));
        foreach (var item in CaptureConversation.Decode(entries, CaptureFiles.DialectOf(file)))
        {
            if (item.Entry.Bytes is not { } bytes)
            {
                Assert.Null(item.Message);
                continue;
            }

            var message = item.Message!;
            Assert.Equal(Convert.ToHexString(bytes), Convert.ToHexString(encoder.Encode(message)));
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
    [MemberData(nameof(CaptureFiles.All), MemberType = typeof(CaptureFiles))]
    public void Nothing_waits_at_the_end_but_what_has_no_answer(string file)
    {
        var decoder = new MessageDecoder(CaptureFiles.DialectOf(file));
        foreach (var entry in CaptureFiles.Read(file).Where(CaptureFiles.IsMessage))
        {
            decoder.Decode(entry.Direction, entry.Bytes);
        }

        // Three writes of this capture are sent while replies are switched off; the Linux ones are cut in the middle.
        Assert.Equal(file == "kvmi-v7-cmd-response.hex" ? 3 : 0, decoder.OutstandingCommands);
        Assert.InRange(decoder.OutstandingEvents, 0, file.Contains("linux", StringComparison.Ordinal) ? 2 : 0);
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
