using System.Text;
using Kvmi.Policy.Host.Output;

namespace Kvmi.Policy.Host.PolicyTests;

/// <summary>Text of policies for XML: characters that XML cannot hold, or that move the cursor of who reads it, become \u{N}; line breaks stay.</summary>
internal static class XmlText
{
    public static string Clean(string text)
    {
        var clean = new StringBuilder(text.Length);
        foreach (var (index, line) in text.Split('\n').Index())
        {
            clean.Append(index == 0 ? "" : "\n").AppendSafe(line);
        }

        return clean.Replace("\uFFFE", "\\u{fffe}").Replace("\uFFFF", "\\u{ffff}").ToString();
    }
}
