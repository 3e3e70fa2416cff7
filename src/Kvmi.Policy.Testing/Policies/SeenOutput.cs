using System.Globalization;
using Kvmi.Policy.Engine.Decisions;
using Kvmi.Policy.Engine.Output;

namespace Kvmi.Policy.Testing.Policies;

/// <summary>What a step gave, as lines for people.</summary>
internal static class SeenOutput
{
    // Enough to see what is wrong, also of a policy that writes a record for each of a thousand pages.
    private const int MaxLines = 20;

    public static IReadOnlyList<string> Describe(EventOutcome outcome, IReadOnlyList<OutputRecord> output)
    {
        List<string> lines = [$"decision {Decision(outcome)}"];
        var notices = output.OfType<NoticeOutput>().ToList();
        lines.AddRange(notices.Take(MaxLines).Select(notice => string.Join(' ', [
            notice.IsAlert ? "alert" : "record", notice.Name, .. notice.Fields.Select(field => $"{field.Name}={Value(field.Value)}")])));
        if (notices.Count > MaxLines)
        {
            lines.Add(string.Create(CultureInfo.InvariantCulture, $"and {notices.Count - MaxLines} alerts and records more"));
        }

        return lines;
    }

    private static string Decision(EventOutcome outcome)
    {
        var value = outcome.Value is { } given ? string.Create(CultureInfo.InvariantCulture, $" 0x{given:x}") : "";
        return $"{outcome.Decision.ToString().ToLowerInvariant()}{value}; {(outcome.VoteCount == 0 ? "no subscription matched" : outcome.Reason)}";
    }

    private static string Value(object? value) => value switch
    {
        null => "null",
        ulong number => string.Create(CultureInfo.InvariantCulture, $"0x{number:x}"),
        byte[] bytes => Convert.ToHexStringLower(bytes),
        IFormattable formattable => formattable.ToString(null, CultureInfo.InvariantCulture),
        _ => value.ToString() ?? "",
    };
}
