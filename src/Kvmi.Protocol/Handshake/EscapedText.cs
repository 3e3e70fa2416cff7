using System.Buffers;
using System.Globalization;
using System.Text;

namespace Kvmi.Protocol.Handshake;

/// <summary>Makes bytes of a peer safe to print: what cannot be seen as itself becomes a backslash escape.</summary>
internal static class EscapedText
{
    /// <summary>
    /// Decodes UTF-8. A byte that is no UTF-8 becomes \xNN, a control, format, private or unassigned character \u{N},
    /// and a backslash is doubled, so that the text stays unambiguous.
    /// </summary>
    public static string FromUtf8(ReadOnlySpan<byte> bytes)
    {
        var text = new StringBuilder(bytes.Length);
        while (!bytes.IsEmpty)
        {
            var status = Rune.DecodeFromUtf8(bytes, out var rune, out var used);
            if (status != OperationStatus.Done)
            {
                foreach (var bad in bytes[..used])
                {
                    text.Append(CultureInfo.InvariantCulture, $"\\x{bad:x2}");
                }
            }
            else if (rune.Value == '\\')
            {
                text.Append("\\\\");
            }
            else if (IsVisible(rune))
            {
                text.Append(rune.ToString());
            }
            else
            {
                text.Append(CultureInfo.InvariantCulture, $"\\u{{{rune.Value:x}}}");
            }

            bytes = bytes[used..];
        }

        return text.ToString();
    }

    private static bool IsVisible(Rune rune) => Rune.GetUnicodeCategory(rune) is not (
        UnicodeCategory.Control or UnicodeCategory.Format or UnicodeCategory.LineSeparator or UnicodeCategory.ParagraphSeparator
        or UnicodeCategory.PrivateUse or UnicodeCategory.OtherNotAssigned or UnicodeCategory.Surrogate);
}
