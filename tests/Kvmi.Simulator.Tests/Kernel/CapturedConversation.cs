namespace Kvmi.Simulator.Tests.Kernel;

/// <summary>A conversation of a real kernel (format: README of the captures).</summary>
internal static class CapturedConversation
{
    /// <summary>Reads the messages of a capture; empty ones stand for a close and are left out.</summary>
    public static List<(bool FromTool, string Note, byte[] Bytes)> Read(string name)
    {
        var lines = File.ReadAllLines(Path.Combine(AppContext.BaseDirectory, "Fixtures", "captures", name));
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
