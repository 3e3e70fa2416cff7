using System.Globalization;
using System.Text;
using System.Text.Json;
using Kvmi.Policy.Engine.Output;
using Kvmi.Protocol;

namespace Kvmi.Policy.Host.Output.Records;

/// <summary>One replayed event: what the policies decide now, beside what was answered then.</summary>
internal sealed record ReplayOutput : OutputRecord
{
    public required int Vcpu { get; init; }

    public required EventKind Event { get; init; }

    public required uint Sequence { get; init; }

    /// <summary>Register or page of the event.</summary>
    public required string Subject { get; init; }

    public required DecisionKind Decision { get; init; }

    /// <summary>Value that our reply installs, for register events.</summary>
    public ulong? Value { get; init; }

    public string? Policy { get; init; }

    public DecisionKind? WouldHave { get; init; }

    /// <summary>Action of the recorded reply; null when none was recorded.</summary>
    public EventAction? RecordedAction { get; init; }

    public ulong? RecordedValue { get; init; }

    /// <summary>bytes, layout, length, different or none: how far our reply equals the recorded one.</summary>
    public required string Match { get; init; }

    public required string Reason { get; init; }

    /// <summary>Number of the event in its trace; null for a capture.</summary>
    public long? Number { get; init; }

    /// <summary>The decision that the trace holds; null without one.</summary>
    public DecisionKind? RecordedDecision { get; init; }

    /// <summary>Whether the decision is the recorded one; null without one.</summary>
    public bool? IsSame { get; init; }

    /// <summary>Writes what only events of traces have.</summary>
    public void WriteTraceMembers(Utf8JsonWriter json)
    {
        if (Number is { } number)
        {
            json.WriteNumber("number", number);
        }

        if (RecordedDecision is { } decision)
        {
            json.WriteString("recordedDecision", Words.Of(decision));
        }

        if (IsSame is { } same)
        {
            json.WriteBoolean("same", same);
        }
    }

    /// <summary>Writes what only events of traces have.</summary>
    public void WriteTraceText(StringBuilder line)
    {
        if (Number is { } number)
        {
            line.Append(CultureInfo.InvariantCulture, $"event {number}{(IsSame == false ? " DIFFERS" : "")} ");
        }
    }
}
