using System.Text;
using Kvmi.Policy.Containment.Tests.Running;

namespace Kvmi.Policy.Containment.Tests;

/// <summary>The generated part of <c>containment.md</c>: one line for each case of the corpus.</summary>
internal static class ContainmentPage
{
    private const string Begin = "<!-- generated: begin -->\n";
    private const string End = "<!-- generated: end -->";

    /// <summary>The table as the corpus has it.</summary>
    public static string Table()
    {
        var text = new StringBuilder("| policy | what it does | what becomes of it |\n|---|---|---|\n");
        foreach (var hostile in CorpusCase.All)
            text.Append($"| {hostile.Name} | {hostile.What} | {Fate(hostile)} |\n");

        return text.ToString();
    }

    /// <summary>The table as the page has it; "" when the marks are missing.</summary>
    public static string TableIn(string page)
    {
        var (start, end) = Borders(page);
        return start < 0 ? "" : page[start..end];
    }

    /// <summary>The page with another table.</summary>
    public static string Replace(string page, string table)
    {
        var (start, end) = Borders(page);
        return start < 0 ? throw new InvalidDataException($"The page lacks the marks {Begin.Trim()} and {End}.") : page[..start] + table + page[end..];
    }

    private static (int Start, int End) Borders(string page)
    {
        var start = page.IndexOf(Begin, StringComparison.Ordinal);
        var end = page.IndexOf(End, StringComparison.Ordinal);
        return start < 0 || end < start ? (-1, -1) : (start + Begin.Length, end);
    }

    private static string Fate(CorpusCase hostile) => hostile.Outcome switch
    {
        CorpusOutcome.Refused => $"refused at load: {hostile.Words}",
        CorpusOutcome.NotStarted => "refused on the VM: its start fails",
        CorpusOutcome.Stopped => "stopped by metering, quarantined",
        CorpusOutcome.Error => "each run is an error, quarantined",
        CorpusOutcome.Harmless => "bounded anyway",
        CorpusOutcome.Leaks => "**goes on**; gives the memory back when it is unloaded; only the worker process has a limit",
        CorpusOutcome.Deadline => "needs the deadline",
        _ => "**ends the process**: needs the worker process",
    };
}
