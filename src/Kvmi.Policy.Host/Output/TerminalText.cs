using System.Globalization;
using System.Text;

namespace Kvmi.Policy.Host.Output;

/// <summary>Makes text from guests, peers and files safe to print: no character of it can move the cursor or reorder a line.</summary>
internal static class TerminalText
{
    /// <summary>Appends text; control, format, private and unassigned characters become \u{N}.</summary>
    public static StringBuilder AppendSafe(this StringBuilder line, string text)
    {
        foreach (var rune in text.EnumerateRunes())
        {
            if (Rune.GetUnicodeCategory(rune) is UnicodeCategory.Control or UnicodeCategory.Format or UnicodeCategory.LineSeparator
                or UnicodeCategory.ParagraphSeparator or UnicodeCategory.PrivateUse or UnicodeCategory.OtherNotAssigned or UnicodeCategory.Surrogate)
            {
                line.Append(CultureInfo.InvariantCulture, $"\\u{{{rune.Value:x}}}");
            }
            else
            {
                line.Append(rune.ToString());
            }
        }

        return line;
    }
}
