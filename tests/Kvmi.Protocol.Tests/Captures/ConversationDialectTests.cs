using Kvmi.Protocol.Captures;
using Kvmi.Protocol.Dialects;

namespace Kvmi.Protocol.Tests.Captures;

public sealed class ConversationDialectTests
{
    public static TheoryData<string> V11 { get; } =
        [.. Directory.GetFiles(Path.Combine(AppContext.BaseDirectory, "Fixtures", "captures-v11")).Order(StringComparer.Ordinal)];

    [Theory]
    [MemberData(nameof(CaptureFiles.V7Theory), MemberType = typeof(CaptureFiles))]
    public void V7_captures_are_v7(string file)
    {
        var inferred = ConversationDialect.Infer(CaptureFiles.Read(file));
        Assert.True(inferred.Dialect == KvmiDialect.V7, inferred.Reason);
        Assert.Equal([KvmiDialect.V7], inferred.Candidates);
    }

    [Theory]
    [MemberData(nameof(V11))]
    public void V11_captures_are_v11_or_at_least_not_v7(string path)
    {
        using var reader = new StreamReader(path);
        var inferred = ConversationDialect.Infer(HexCapture.Read(reader));
        Assert.Contains(KvmiDialect.V11, inferred.Candidates);
        Assert.DoesNotContain(KvmiDialect.V7, inferred.Candidates);
        var file = Path.GetFileName(path);
        if (file is "kvmi-v11-setup.hex" or "kvmi-v11-pagefault.hex")
        {
            Assert.Equal(KvmiDialect.V11, inferred.Dialect);
        }

        Assert.NotEqual(KvmiDialect.V12, inferred.Dialect);
    }

    [Fact]
    public void One_event_is_enough_for_v7()
    {
        var bytes = CaptureFiles.First("kvmi-v7-linux-cr3.hex", MessageDirection.KernelToTool, header => header.Id == 1);
        Assert.Equal(KvmiDialect.V7, ConversationDialect.Infer([Entry(MessageDirection.KernelToTool, bytes)]).Dialect);
    }

    [Theory]
    [InlineData(0, KvmiDialect.V11)]
    [InlineData(-1, KvmiDialect.V11)]
    [InlineData(-2, KvmiDialect.V12)]
    public void Check_of_command_22_tells_v11_from_v12(int error, KvmiDialect dialect) => Assert.Equal(
        dialect,
        Infer(
            Tool(2, 1),
            Kernel(2, 1, 0, 0, 1, 8184, 0, 0),
            Tool(4, 2, 22, 0),
            Kernel(4, 2, error, 0)).Dialect);

    [Fact]
    public void Version_reply_alone_leaves_v11_and_v12()
    {
        var inferred = Infer(Tool(2, 1), Kernel(2, 1, 0, 0, 1, 8184, 0, 0));
        Assert.Null(inferred.Dialect);
        Assert.Equal([KvmiDialect.V11, KvmiDialect.V12], inferred.Candidates);
        Assert.Contains("v11 or v12", inferred.Reason, StringComparison.Ordinal);
    }

    [Fact]
    public void Pages_under_id_20_are_v12() => Assert.Equal(
        KvmiDialect.V12, Infer(Kernel(2, 1, 0, 0, 1, 8184, 0, 0), Tool(20, 2, 1, 0, 0x1000, 0, 7, 0), Kernel(20, 2, 0, 0)).Dialect);

    [Fact]
    public void Rfc_v5_is_known_by_its_version_reply_or_its_events()
    {
        Assert.Equal(KvmiDialect.RfcV5, Infer(Tool(1, 1), Kernel(1, 1, 0, 0, 1, 0x1F8EFCCA, 0x7FF, 0)).Dialect);
        Assert.Equal(KvmiDialect.RfcV5, Infer(Kernel(23, 1, new int[134]), Tool(24, 1, 0, 1)).Dialect);
    }

    [Fact]
    public void Families_without_a_name_are_not_called_v7()
    {
        var listV7 = Infer(Tool(2, 1), Kernel(2, 1, 0, 0, 1, 0, 0, 0), Tool(3, 2, 29, 0), Kernel(3, 2, -2, 0));
        Assert.Null(listV7.Dialect);
        Assert.Contains("list v7", listV7.Reason, StringComparison.Ordinal);
        var v6 = Infer(Tool(2, 1), Kernel(2, 1, 0, 0, 1, 0), Tool(5, 2), Kernel(5, 2, 0, 0, 1, 0, 0, 0));
        Assert.Null(v6.Dialect);
        Assert.Contains("v6", v6.Reason, StringComparison.Ordinal);
    }

    [Fact]
    public void Sizes_decide_when_there_is_no_proof()
    {
        // GET_REGISTERS of v7 without MSRs and its reply; READ_PHYSICAL under its v7 id.
        var inferred = Infer(Tool(13, 1, 0, 0, 0, 0), Tool(17, 2, 0, 0, 16, 0), Kernel(17, 2, 0, 0, 1, 2, 3, 4));
        Assert.Equal(KvmiDialect.V7, inferred.Dialect);
    }

    [Fact]
    public void Nothing_ties_and_contradictions_are_said()
    {
        Assert.Contains("No dialect", Infer().Reason, StringComparison.Ordinal);
        Assert.Contains("No dialect", Infer(Tool(999, 1)).Reason, StringComparison.Ordinal);

        var tie = Infer(Tool(17, 1, 0, 0, 0, 0));
        Assert.Null(tie.Dialect);
        Assert.True(tie.Candidates.Count > 1, tie.Reason);

        var both = Infer(Kernel(2, 1, 0, 0, 1, 8184, 0, 0), Kernel(2, 2, 0, 0, 1, 0, 0, 0));
        Assert.Null(both.Dialect);
        Assert.Contains("contradict", both.Reason, StringComparison.Ordinal);
    }

    [Fact]
    public void Mutated_captures_are_judged_without_exception()
    {
        var random = new Random(3);
        foreach (var file in CaptureFiles.V7)
        {
            var entries = CaptureFiles.Read(file).Where(entry => entry.Bytes is not null).Select(entry =>
            {
                var bytes = entry.Bytes!.AsSpan(0, random.Next(entry.Bytes!.Length + 1)).ToArray();
                if (bytes.Length >= 8)
                {
                    BitConverter.TryWriteBytes(bytes.AsSpan(2), (ushort)(bytes.Length - 8));
                    bytes[random.Next(bytes.Length)] ^= 0x10;
                }

                return Entry(entry.Direction, bytes);
            });
            Assert.NotEqual("", ConversationDialect.Infer(entries).Reason);
        }
    }

    private static InferredDialect Infer(params HexCaptureEntry[] entries) => ConversationDialect.Infer(entries);

    private static HexCaptureEntry Tool(ushort id, uint sequence, params int[] words) => Message(MessageDirection.ToolToKernel, id, sequence, words);

    private static HexCaptureEntry Kernel(ushort id, uint sequence, params int[] words) => Message(MessageDirection.KernelToTool, id, sequence, words);

    private static HexCaptureEntry Message(MessageDirection direction, ushort id, uint sequence, int[] words)
    {
        var bytes = new byte[8 + (words.Length * 4)];
        new MessageHeader(id, (ushort)(words.Length * 4), sequence).Write(bytes);
        Buffer.BlockCopy(words, 0, bytes, 8, words.Length * 4);
        return Entry(direction, bytes);
    }

    private static HexCaptureEntry Entry(MessageDirection direction, byte[] bytes) => new() { Line = 1, Direction = direction, Bytes = bytes };
}
