using System.Globalization;
using System.Text;
using Kvmi.Policy.Engine.Output;
using Kvmi.Policy.Host.Output;
using Kvmi.Policy.Testing.Traces.Records;

namespace Kvmi.Policy.Host.Traces;

/// <summary>Decisions of traces for people and for JSON.</summary>
internal static class DecisionText
{
    /// <summary>keep 0x1000, inject #6, allow (would have: keep).</summary>
    public static string Of(DecisionKind decision, ulong? value, GuestException? exception, DecisionKind? wouldHave)
    {
        var text = new StringBuilder(Words.Of(decision));
        if (value is { } number)
        {
            text.Append(' ').Append(Words.Hex(number));
        }

        if (exception is { } injected)
        {
            text.Append(CultureInfo.InvariantCulture, $" vector {injected.Vector}");
        }

        return (wouldHave is { } would ? text.Append(" (would have: ").Append(Words.Of(would)).Append(')') : text).ToString();
    }

    /// <summary>The decision of a trace.</summary>
    public static string Of(TraceDecision decision) => Of(decision.Decision, decision.Value, decision.Exception, decision.WouldHave);

    /// <summary>Who voted what.</summary>
    public static string Votes(TraceDecision decision)
    {
        var votes = decision.Votes.Select(vote =>
            $"{vote.Policy} {Words.Of(vote.Decision)}{(vote.IsAudit ? " (audit)" : "")}{(vote.Failed ? " (failed)" : "")}");
        var more = decision.VoteCount - decision.Votes.Count;
        return (decision.VoteCount == 0 ? "no votes" : string.Join(", ", votes)) + (more > 0 ? $" and {more} more" : "")
            + (decision.Note is { } note ? $"; {note}" : "");
    }

    /// <summary>The members of a decision in JSON.</summary>
    public static IReadOnlyList<OutputField> Fields(DecisionKind decision, ulong? value, GuestException? exception, DecisionKind? wouldHave, string votes)
    {
        List<OutputField> fields = [new("decision", Words.Of(decision))];
        Add(fields, "value", value);
        Add(fields, "exception", exception is { } injected ? (long)injected.Vector : null);
        Add(fields, "wouldHave", wouldHave is { } would ? Words.Of(would) : null);
        fields.Add(new("votes", votes));
        return fields;
    }

    private static void Add(List<OutputField> fields, string name, object? value)
    {
        if (value is not null)
        {
            fields.Add(new(name, value));
        }
    }
}
