using Kvmi.Protocol;

namespace Kvmi.Simulator.Tests.Kernel;

/// <summary>A conversation of a real kernel (format: README of the captures).</summary>
internal static class CapturedConversation
{
    public static KvmiDialect DialectOf(string name) =>
        name.StartsWith("kvmi-v11-", StringComparison.Ordinal) ? KvmiDialect.V11 : KvmiDialect.V7;

    /// <summary>Reads the messages of a capture; empty ones stand for a close and are left out.</summary>
    public static List<(bool FromTool, string Note, byte[] Bytes)> Read(string name)
    {
        var folder = DialectOf(name) == KvmiDialect.V11 ? "captures-v11" : "captures";
        var lines = File.ReadAllLines(Path.Combine(AppContext.BaseDirectory, "Fixtures", folder, name));
        var result = new List<(bool, string, byte[])>();
        for (var i = 0; i + 1 < lines.Length; i += 2)
        {
            if (lines[i + 1].Length > 0)
            {
                result.Add((lines[i].StartsWith("# tool->kernel", StringComparison.Ordinal), lines[i], Convert.FromHexString(lines[i + 1])));
            }
        }

        return result;
    }
}
