using Kvmi.Protocol.Commands;
using Kvmi.Protocol.Dialects;
using Kvmi.Protocol.Dialects.RfcV5;
using Kvmi.Protocol.Events;
using Kvmi.Protocol.Handshake;
using Kvmi.TestSupport;

namespace Kvmi.Protocol.Tests.Dialects.RfcV5;

/// <summary>The typed codec against every byte vector of the specification, both directions and both ends.</summary>
public sealed class RfcV5VectorTests
{
    private static readonly Dialect Codec = Dialect.Find(KvmiDialect.RfcV5)!;

    public static TheoryData<string> FromTool { get; } = Names(name => RfcV5Typed.Tool(name, new byte[8192]) != 0);

    public static TheoryData<string> FromKernel { get; } = Names(name => RfcV5Typed.Kernel(name, new byte[8192]) != 0);

    [Fact]
    public void All_vectors_are_there_and_block_a_is_the_documents()
    {
        Assert.Equal(85, RfcV5Vectors.All.Count);
        Assert.Equal(RfcV5Vectors.Block, RfcV5Vectors.Bytes("E1")[16..544]);

        // The rest: handshake, ioctl arguments, an unassigned id, and what ends the session or fails the event.
        Assert.Equal(29, FromTool.Count);
        Assert.Equal(38, FromKernel.Count);
        var others = RfcV5Vectors.All.Keys.Except(FromTool.Select(row => row.Data)).Except(FromKernel.Select(row => row.Data)).Order(StringComparer.Ordinal);
        Assert.Equal(
            ["C46", "H1", "H2", "H3", "I1", "I2", "W1", "X1", "X10", "X11", "X2", "X3", "X4", "X5", "X6", "X7", "X8", "X9"], others);
    }

    [Theory]
    [MemberData(nameof(FromTool))]
    public void Tool_writes_the_vector(string name)
    {
        var bytes = new byte[8192];
        Same(RfcV5Vectors.Bytes(name), bytes[..RfcV5Typed.Tool(name, bytes)]);
    }

    [Theory]
    [MemberData(nameof(FromKernel))]
    public void Kernel_writes_the_vector(string name)
    {
        var bytes = new byte[8192];
        Same(RfcV5Vectors.Bytes(name), bytes[..RfcV5Typed.Kernel(name, bytes)]);
    }

    [Theory]
    [MemberData(nameof(FromTool))]
    public void Kernel_reads_the_vector_in_both_profiles(string name)
    {
        var bytes = RfcV5Vectors.Bytes(name);
        foreach (Dialect profile in new[] { RfcV5Dialect.Instance, RfcV5Dialect.Documented })
        {
            Assert.True(MessageHeader.TryRead(bytes, out var header));
            Assert.Equal(CommandStatus.Ok, profile.CheckHeader(in header));
            if (profile.Classify(MessageDirection.ToolToKernel, header.Id) == MessageRole.Command)
            {
                Same(bytes, RfcV5Reread.Command(profile, bytes)!);
                continue;
            }

            Assert.Equal(CommandStatus.Ok, profile.CheckFraming(in header, bytes.AsSpan(8)));
            var kind = (EventKind)bytes[12];
            Assert.Equal(CommandStatus.Ok, profile.ReadEventReply(bytes, kind, out _, out var id, out var reply));
            Assert.Equal((byte)kind, id);
            var again = new byte[512];
            Same(bytes, again[..profile.WriteEventReply(again, header.Sequence, 9, kind, in reply)]);
        }
    }

    [Theory]
    [MemberData(nameof(FromKernel))]
    public void Tool_reads_the_vector(string name)
    {
        var bytes = RfcV5Vectors.Bytes(name);
        Same(bytes, name[0] == 'E' ? RfcV5Reread.Event(bytes) : RfcV5Reread.Reply(bytes));
    }

    [Fact]
    public void Handshake_records_are_the_vectors()
    {
        var uuid = Guid.Parse("00112233-4455-6677-8899-aabbccddeeff");
        var record = new byte[96];
        new HelloRecord { Uuid = uuid, StartTime = 1545330510, Name = HelloRecord.EncodeName("guest-1") }.Write(record);
        Same(RfcV5Vectors.Bytes("H1"), record);
        new HelloRecord { Uuid = uuid }.Write(record);
        Same(RfcV5Vectors.Bytes("H2"), record);
        var hash = new byte[CookieHash.Length];
        CookieHash.Compute("some"u8, hash);
        var answer = new byte[HandshakeAnswer.Length];
        HandshakeAnswer.Write(answer, hash);
        Same(RfcV5Vectors.Bytes("H3"), answer);
        Assert.Equal(HandshakeStatus.Ok, HelloRecord.TryRead(RfcV5Vectors.Bytes("H1"), out var hello));
        Assert.Equal((uuid, "guest-1", 1545330510L), (hello!.Uuid, hello.DisplayName, hello.StartTime));
    }

    [Theory]
    [InlineData("X1", true)]
    [InlineData("X2", true)]
    [InlineData("X3", true)]
    [InlineData("X6", false)]
    [InlineData("X7", false)]
    [InlineData("X11", true)]
    public void Framing_ends_the_session(string name, bool byHeaderAlone)
    {
        var bytes = RfcV5Vectors.Bytes(name);
        Assert.True(MessageHeader.TryRead(bytes, out var header));
        Assert.Equal(byHeaderAlone ? CommandStatus.Close : CommandStatus.Ok, Codec.CheckHeader(in header));
        Assert.Equal(CommandStatus.Close, Codec.CheckFraming(in header, bytes.AsSpan(8)));
    }

    // These are well formed; the handler or the table of waiting vCPUs ends the session.
    [Theory]
    [InlineData("C46")]
    [InlineData("X4")]
    [InlineData("X5")]
    [InlineData("X8")]
    [InlineData("X9")]
    public void Framing_lets_pass_what_ends_later(string name)
    {
        var bytes = RfcV5Vectors.Bytes(name);
        Assert.True(MessageHeader.TryRead(bytes, out var header));
        Assert.Equal(CommandStatus.Ok, Codec.CheckFraming(in header, bytes.AsSpan(8)));
    }

    [Fact]
    public void Page_fault_reply_with_too_much_context_ends_the_session()
    {
        var bytes = RfcV5Vectors.Bytes("X10");
        Assert.True(MessageHeader.TryRead(bytes, out var header));
        Assert.Equal(CommandStatus.Ok, Codec.CheckFraming(in header, bytes.AsSpan(8)));
        Assert.Equal(CommandStatus.Close, Codec.ReadEventReply(bytes, EventKind.PageFault, out _, out _, out var reply));
        Assert.True(reply.Context.IsEmpty);
    }

    [Fact]
    public void Reply_of_the_wrong_size_fails_the_event_and_only_the_size_counts()
    {
        var bytes = RfcV5Vectors.Bytes("W1");
        Assert.True(MessageHeader.TryRead(bytes, out var header));
        Assert.Equal(CommandStatus.Ok, Codec.CheckFraming(in header, bytes.AsSpan(8)));
        Assert.Equal(CommandStatus.EventFails, Codec.ReadEventReply(bytes, EventKind.Cr, out _, out var named, out _));
        Assert.Equal(10, named);
        Assert.Equal(CommandStatus.Ok, Codec.ReadEventReply(bytes, EventKind.Hypercall, out _, out _, out _));
        Assert.Equal(CommandStatus.Ok, Codec.ReadEventReply(RfcV5Vectors.Bytes("R1"), EventKind.Msr, out _, out named, out var reply));
        Assert.Equal((1, 0x1BB_B000ul), (named, reply.NewValue));
    }

    private static void Same(byte[] expected, byte[] actual) => Assert.Equal(Convert.ToHexString(expected), Convert.ToHexString(actual));

    private static TheoryData<string> Names(Func<string, bool> isWritten) => [.. RfcV5Vectors.All.Keys.Where(isWritten).Order(StringComparer.Ordinal)];
}
