using System.Globalization;
using System.Text;
using System.Text.Json;
using Kvmi.Policy.Engine.Output;
using Kvmi.Policy.Engine.Summary;

namespace Kvmi.Policy.Host.Output.Records;

/// <summary>A histogram of a policy: how often it saw which keys.</summary>
internal sealed record CountsOutput : OutputRecord
{
    public required CountSummary Summary { get; init; }

    /// <summary>Events of a key in a second, over the time from the first to the last event that was counted; null when that time is none.</summary>
    public static double? PerSecond(long count, TimeSpan elapsed) => elapsed > TimeSpan.Zero ? count / elapsed.TotalSeconds : null;

    /// <summary>Rate as people read it.</summary>
    public static string Rate(long count, TimeSpan elapsed) =>
        PerSecond(count, elapsed) is { } rate ? rate.ToString(rate < 10 ? "0.00" : "0", CultureInfo.InvariantCulture) : "-";

    /// <summary>Share of all events, in percent.</summary>
    public static string Share(long count, long total) => total == 0 ? "-" : (100.0 * count / total).ToString("0.0", CultureInfo.InvariantCulture);

    /// <summary>How exact the counts are, in words.</summary>
    public static string Exactness(CountSummary summary) => summary.MaxError == 0
        ? "exact"
        : $"a count is at most {summary.MaxError} too high, a missing key occurred at most {summary.MaxError} times";

    /// <summary>Time of day of a row, UTC.</summary>
    public static string TimeOf(DateTimeOffset time) => time.UtcDateTime.ToString("HH:mm:ss.fff", CultureInfo.InvariantCulture);

    /// <summary>The lines for people.</summary>
    public void WriteText(StringBuilder line)
    {
        line.Append("counts    ").AppendSafe(Summary.Policy).Append(": ").AppendSafe(Summary.Name).Append(" on ").AppendSafe(Summary.Vm).Append(": ")
            .Append(Words.Count(Summary.Total, "event")).Append(", ").Append(Words.Count(Summary.Keys, "key")).Append(", ")
            .Append(Rate(Summary.Total, Summary.Elapsed)).Append("/s, ").Append(Exactness(Summary));
        if (Summary.Top.Count == 0)
        {
            return;
        }

        line.Append("\n              count       %        /s  first (UTC)   last (UTC)    key");
        foreach (var row in Summary.Top)
        {
            line.Append(
                CultureInfo.InvariantCulture,
                $"\n         {row.Count,10}  {Share(row.Count, Summary.Total),6}  {Rate(row.Count, Summary.Elapsed),8}  {TimeOf(row.First)}  {TimeOf(row.Last)}  {Words.Hex(row.Key)}");
            if (row.Error > 0)
            {
                line.Append(CultureInfo.InvariantCulture, $" (at most {row.Error} too high)");
            }
        }

        if (Summary.Keys > Summary.Top.Count)
        {
            line.Append(CultureInfo.InvariantCulture, $"\n         and {Words.Count(Summary.Keys - Summary.Top.Count, "key")} more");
        }
    }

    /// <summary>The fields of the JSON line.</summary>
    public void WriteJson(Utf8JsonWriter json)
    {
        json.WriteString("policy", Summary.Policy);
        json.WriteString("name", Summary.Name);
        json.WriteNumber("total", Summary.Total);
        json.WriteNumber("keys", Summary.Keys);
        json.WriteNumber("maxError", Summary.MaxError);
        json.WriteNumber("elapsedMilliseconds", Math.Round(Summary.Elapsed.TotalMilliseconds, 3));
        json.WriteStartArray("top");
        foreach (var row in Summary.Top)
        {
            json.WriteStartObject();
            json.WriteString("key", Words.Hex(row.Key));
            json.WriteNumber("count", row.Count);
            json.WriteNumber("error", row.Error);
            json.WriteString("first", Stamp(row.First));
            json.WriteString("last", Stamp(row.Last));
            json.WriteEndObject();
        }

        json.WriteEndArray();
    }

    private static string Stamp(DateTimeOffset time) => time.UtcDateTime.ToString("yyyy-MM-dd'T'HH:mm:ss.ffffff'Z'", CultureInfo.InvariantCulture);
}
