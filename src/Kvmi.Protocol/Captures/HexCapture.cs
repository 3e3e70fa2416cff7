using System.Buffers;
using System.Globalization;
using Kvmi.Protocol.Dialects;

namespace Kvmi.Protocol.Captures;

/// <summary>
/// Reads hex captures: pairs of lines, a comment <c># tool->kernel t=1.25ms note</c> and the whole message in hex; an empty hex line
/// is a close or silence. Reads one entry at a time and never more than one line of bounded length into memory, so
/// captures of any size and content are safe.
/// </summary>
public static class HexCapture
{
    /// <summary>Largest message of a capture in bytes: a header and the largest payload that it can announce.</summary>
    public const int MaxMessage = MessageHeader.Length + ushort.MaxValue;

    /// <summary>Largest number of characters of a comment that are kept.</summary>
    public const int MaxNote = 4096;

    // Decimal, because a time must come back as it was written; the bound keeps its ticks inside 64 bits.
    private const decimal MaxMilliseconds = 100_000_000_000_000m;

    private static readonly SearchValues<char> HexDigits = SearchValues.Create("0123456789abcdefABCDEF");

    internal const string ToolToKernel = "tool->kernel";
    internal const string KernelToTool = "kernel->tool";

    /// <summary>
    /// Reads the entries one after the other. A line that cannot be read gives one entry with an error, and the reading goes on
    /// behind it. Exceptions come only from the reader itself.
    /// </summary>
    /// <param name="reader">The text; the caller closes it.</param>
    public static IEnumerable<HexCaptureEntry> Read(TextReader reader)
    {
        ArgumentNullException.ThrowIfNull(reader);
        return ReadEntries(new BoundedLineReader(reader, MaxMessage * 2));
    }

    private static IEnumerable<HexCaptureEntry> ReadEntries(BoundedLineReader lines)
    {
        HexCaptureEntry? pending = null;
        while (lines.TryRead(out var line, out var isCut))
        {
            line = line.Trim();
            if (line.StartsWith('#'))
            {
                if (pending is not null)
                {
                    yield return Wrong(pending.Line, "the comment announces a message, but no hex line follows it. Add the hex line, or an empty line for a close.");
                }

                pending = ReadComment(line, lines.Line);
            }
            else if (pending is not null)
            {
                yield return ReadHex(line, isCut, pending with { Line = lines.Line });
                pending = null;
            }
            else if (line.Length > 0)
            {
                yield return Wrong(
                    lines.Line, $"text without a comment in front of it that says the direction. Begin the comment with '# {ToolToKernel}' or '# {KernelToTool}'.");
            }
        }

        if (pending is not null)
        {
            // The file ends where its last, empty, hex line would be.
            yield return pending;
        }
    }

    private static HexCaptureEntry? ReadComment(string line, int number)
    {
        var text = line.AsSpan(1).Trim();
        MessageDirection direction;
        if (IsWord(text, ToolToKernel))
        {
            direction = MessageDirection.ToolToKernel;
        }
        else if (IsWord(text, KernelToTool))
        {
            direction = MessageDirection.KernelToTool;
        }
        else
        {
            return null;
        }

        text = text[ToolToKernel.Length..].TrimStart();
        var time = ReadTime(ref text);
        return new HexCaptureEntry
        {
            Line = number,
            Direction = direction,
            Time = time,
            Note = Printable(text[..Math.Min(text.Length, MaxNote)]),
        };
    }

    private static bool IsWord(ReadOnlySpan<char> text, string word) =>
        text.StartsWith(word, StringComparison.Ordinal) && (text.Length == word.Length || char.IsWhiteSpace(text[word.Length]));

    // A time that cannot be read stays part of the note: the message is worth more than its time.
    private static TimeSpan? ReadTime(ref ReadOnlySpan<char> text)
    {
        if (!text.StartsWith("t=", StringComparison.Ordinal))
        {
            return null;
        }

        var end = text.IndexOf(' ');
        var word = end < 0 ? text : text[..end];
        if (!word.EndsWith("ms", StringComparison.Ordinal)
            || !decimal.TryParse(word[2..^2], NumberStyles.AllowDecimalPoint, CultureInfo.InvariantCulture, out var milliseconds)
            || milliseconds > MaxMilliseconds)
        {
            return null;
        }

        text = end < 0 ? default : text[(end + 1)..];
        return TimeSpan.FromTicks((long)decimal.Round(milliseconds * TimeSpan.TicksPerMillisecond));
    }

    private static HexCaptureEntry ReadHex(string line, bool isCut, HexCaptureEntry entry)
    {
        if (isCut)
        {
            return Wrong(entry.Line, $"the line is longer than the {MaxMessage} bytes that a message can have. Cut it into messages.");
        }

        if (line.Length == 0)
        {
            return entry;
        }

        if (line.AsSpan().IndexOfAnyExcept(HexDigits) is >= 0 and var bad)
        {
            return Wrong(entry.Line, $"the character at column {bad + 1} of the hex text is not a hex digit. Write the message as hex digits only.");
        }

        return line.Length % 2 != 0
            ? Wrong(entry.Line, $"{line.Length} hex digits are not a whole number of bytes. Check whether the line was cut.")
            : entry with { Bytes = Convert.FromHexString(line) };
    }

    // A note ends up on terminals; control characters must not reach them.
    internal static string Printable(ReadOnlySpan<char> note) => string.Create(note.Length, note, (target, source) =>
    {
        for (var i = 0; i < source.Length; i++)
        {
            target[i] = char.IsControl(source[i]) ? ' ' : source[i];
        }
    });

    private static HexCaptureEntry Wrong(int line, string reason) => new() { Line = line, Error = string.Create(CultureInfo.InvariantCulture, $"line {line}: {reason}") };
}
