using System.Globalization;
using System.Text;

namespace Kvmi.Policy.Engine.OneLiners;

/// <summary>
/// Marks in generated C# that say where in the one-liner the code behind them comes from. They use two private characters, which no one-liner holds:
/// it is ASCII.
/// </summary>
internal static class SourceMarks
{
    private const char Open = '\uE000';
    private const char Close = '\uE001';

    /// <summary>A mark.</summary>
    public static string At(int position) => string.Create(CultureInfo.InvariantCulture, $"{Open}{position}{Close}");

    /// <summary>Takes the marks out of one line.</summary>
    /// <param name="line">The line.</param>
    /// <param name="map">Gets the column, from 1, and the position of each.</param>
    public static string Strip(string line, List<(int Column, int Position)> map)
    {
        var plain = new StringBuilder(line.Length);
        for (var i = 0; i < line.Length; i++)
        {
            if (line[i] != Open)
            {
                plain.Append(line[i]);
                continue;
            }

            var end = line.IndexOf(Close, i);
            map.Add((plain.Length + 1, int.Parse(line.AsSpan((i + 1)..end), CultureInfo.InvariantCulture)));
            i = end;
        }

        return plain.ToString();
    }
}
