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
}
