using Kvmi.Policy.Engine.Configuration.Yaml;
using Kvmi.Policy.Engine.Model;

namespace Kvmi.Policy.Engine.Configuration.Reading;

/// <summary>memory of a test: bytes from a file of the policy's folder, or hexadecimal digits.</summary>
internal static class TestMemoryReader
{
    private const int LargestFile = 1024 * 1024;

    /// <summary>Reads the blocks. A file that cannot be read is a warning, and sets <paramref name="problem"/>: the policy still works.</summary>
    public static IReadOnlyList<PolicyTestMemory> Read(PolicyContext context, YamlNode? node, ref string? problem)
    {
        var blocks = new List<PolicyTestMemory>();
        foreach (var item in node?.Items ?? [])
        {
            var (file, digits) = (item["file"], item["bytes"]);
            var gpa = (ulong)item["gpa"]!.Integer;
            if ((file is null) == (digits is null))
            {
                context.Findings.Error(item, FindingCodes.BadTest, "A block of memory has either file or bytes.");
                continue;
            }

            var bytes = digits is not null
                ? Convert.FromHexString(string.Concat(digits.Text.Where(char.IsAsciiHexDigit)))
                : ReadFile(context, file!, ref problem);
            if (bytes is null)
            {
                continue;
            }

            if (bytes.Length > 0 && gpa > ulong.MaxValue - (ulong)(bytes.Length - 1))
            {
                context.Findings.Error(item, FindingCodes.BadTest, "The block of memory goes beyond the last address.");
                continue;
            }

            blocks.Add(new PolicyTestMemory(gpa, bytes));
        }

        return blocks;
    }

    private static byte[]? ReadFile(PolicyContext context, YamlNode node, ref string? problem)
    {
        if (context.Resolve(node) is not { } path)
        {
            return null;
        }

        var name = Quoting.Quote(node.Text);
        var code = FindingCodes.TestFileMissing;
        try
        {
            if (!context.Options.Files.FileExists(path))
            {
                problem = $"the file {name} does not exist in the policy's folder";
            }
            else if (context.Options.Files.Read(path, LargestFile) is var bytes && bytes.Length <= LargestFile)
            {
                return bytes;
            }
            else
            {
                problem = $"the file {name} has more than {LargestFile} bytes";
            }
        }
        catch (Exception exception) when (exception is IOException or UnauthorizedAccessException)
        {
            problem = $"the file {name} cannot be read: {exception.Message.TrimEnd('.')}";
        }

        context.Findings.Warning(node, code, $"This test cannot run: {problem}.", "add the file, or give bytes: \"90 90 c3\"");
        return null;
    }
}
