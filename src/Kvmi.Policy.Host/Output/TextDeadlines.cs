using System.Globalization;
using System.Text;
using Kvmi.Session.Deadlines;

namespace Kvmi.Policy.Host.Output;

/// <summary>What came of the deadlines, as text: nothing when all was in time.</summary>
internal static class TextDeadlines
{
    private static readonly TimeSpan WorthALine = TimeSpan.FromMilliseconds(1);

    public static void Write(StringBuilder line, DeadlineCounters deadlines)
    {
        if (deadlines.Timeouts + deadlines.AbandonedThreads > 0)
        {
            line.Append("; ").Append(Words.Count(deadlines.Timeouts, "event")).Append(" answered at the deadline (")
                .Append(Time(deadlines.P50Lateness)).Append(" late p50, ").Append(Time(deadlines.P99Lateness)).Append(" p99, ")
                .Append(Time(deadlines.MaxLateness)).Append(" at most; ")
                .Append(deadlines.IsRealTime ? "watchdog at real-time priority), " : "watchdog at normal priority), ")
                .Append(Words.Count(deadlines.LateResults, "late result")).Append(", ")
                .Append(Words.Count(deadlines.AbandonedThreads, "thread")).Append(" given up")
                .Append(CultureInfo.InvariantCulture, $" ({deadlines.AbandonedNow} still hang)");
        }

        if (deadlines.MaxGcPause >= WorthALine)
        {
            line.Append("; garbage collections stopped the tool for ").Append(Time(deadlines.TotalGcPause)).Append(" in all, ")
                .Append(Time(deadlines.MaxGcPause)).Append(" at most");
        }
    }

    private static string Time(TimeSpan time) => Words.Nanoseconds((long)time.TotalNanoseconds);
}
