using System.Globalization;
using System.Text;
using Kvmi.Policy.Host.Control.Contract;

namespace Kvmi.Policy.Host.Output;

/// <summary>What the shadow did, for people.</summary>
internal static class TextShadow
{
    private const int Latest = 10;

    public static string Of(ShadowReply shadow)
    {
        if (shadow.Generation == 0)
        {
            return $"No generation runs as shadow; generation {shadow.Live} is live.";
        }

        var text = new StringBuilder();
        text.Append(CultureInfo.InvariantCulture,
            $"Generation {shadow.Generation} runs as shadow of generation {shadow.Live}: {Words.Count(shadow.Compared, "event")} compared, {shadow.Differing} decided otherwise, ");
        text.Append(CultureInfo.InvariantCulture, $"{shadow.Incomplete} with too little known, {shadow.Skipped} left out.");
        foreach (var policy in shadow.Policies)
        {
            text.Append(CultureInfo.InvariantCulture,
                $"\n    {policy.Policy} {policy.Version}: {Words.Count(policy.Votes, "vote")}, {Words.Count(policy.Alerts, "alert")}, {Words.Count(policy.Errors, "error")}");
        }

        foreach (var vm in shadow.Hanging)
        {
            text.Append("\n    hangs on ").Append(OneLine(vm));
        }

        foreach (var problem in shadow.Problems)
        {
            text.Append("\n    problem: ").Append(OneLine(problem));
        }

        foreach (var difference in shadow.Differences.Skip(Math.Max(0, shadow.Differences.Count - Latest)))
        {
            text.Append(CultureInfo.InvariantCulture,
                $"\n  #{difference.Number} {difference.At.UtcDateTime:HH:mm:ss.fff} {OneLine(difference.Vm)} vcpu {difference.Vcpu}: {difference.Event} {difference.Subject} at rip {difference.Rip}");
            text.Append("\n    live: ").Append(Vote(difference.Live)).Append("; shadow: ").Append(Vote(difference.Shadow));
            text.Append("\n    why: ").Append(OneLine(difference.Reason));
        }

        return text.ToString();
    }

    private static string Vote(ShadowVoteReply vote) =>
        vote.Decision + (vote.Value is { } value ? $" {value}" : "") + (vote.Exception is { } vector ? $" vector {vector}" : "")
        + (vote.WouldHave is { } would ? $" (an audit policy would have: {would})" : "") + (vote.Policy is { } policy ? $" by {policy}" : "");

    private static string OneLine(string text) => text.Replace("\n", "\\n", StringComparison.Ordinal);
}
