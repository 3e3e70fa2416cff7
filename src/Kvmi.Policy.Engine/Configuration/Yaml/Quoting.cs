using System.Text;

namespace Kvmi.Policy.Engine.Configuration.Yaml;

/// <summary>Words of a file as they stand in messages: short, and without anything that a terminal would obey.</summary>
internal static class Quoting
{
    private const int Longest = 60;

    public static string Quote(string text)
    {
        var builder = new StringBuilder(text.Length + 2).Append('\'');
        foreach (var character in text.AsSpan(0, Math.Min(text.Length, Longest)))
        {
            if (character < ' ' || char.IsControl(character) || char.IsSurrogate(character) || char.GetUnicodeCategory(character) == System.Globalization.UnicodeCategory.Format)
            {
                builder.Append("\\u").Append(((int)character).ToString("x4", System.Globalization.CultureInfo.InvariantCulture));
            }
            else
            {
                builder.Append(character);
            }
        }

        return builder.Append(text.Length > Longest ? "...'" : "'").ToString();
    }
}
