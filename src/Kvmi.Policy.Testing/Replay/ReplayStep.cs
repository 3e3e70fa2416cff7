using Kvmi.Policy.Engine.Output;
using Kvmi.Policy.Testing.Traces.Records;
using Kvmi.Protocol;
using Kvmi.Protocol.Dialects;

namespace Kvmi.Policy.Testing.Replay;

/// <summary>One replayed event: what the policies decide now beside what was answered then.</summary>
public sealed record ReplayStep
{
    /// <summary>Line of the capture on which the event stands; of a trace, the number of its record.</summary>
    public required int Line { get; init; }

    /// <summary>Number of the event in its trace, from 1; 0 for a capture.</summary>
    public long EventNumber { get; init; }

    /// <summary>The VM of the event, for a trace.</summary>
    public string? Vm { get; init; }

    /// <summary>Sequence number of the event.</summary>
    public required uint Sequence { get; init; }

    /// <summary>vCPU of the event.</summary>
    public required ushort Vcpu { get; init; }

    /// <summary>The event.</summary>
    public required EventKind Event { get; init; }

    /// <summary>Register or page of the event, for people.</summary>
    public required string Subject { get; init; }

    /// <summary>The decision in force.</summary>
    public required DecisionKind Decision { get; init; }

    /// <summary>Value that our reply installs, for CR and MSR events.</summary>
    public ulong? Value { get; init; }

    /// <summary>The exception of an inject.</summary>
    public GuestException? Exception { get; init; }

    /// <summary>The policy whose vote is in force; null when no vote counted.</summary>
    public string? Policy { get; init; }

    /// <summary>Strongest audit vote that is stronger than what is in force.</summary>
    public DecisionKind? WouldHave { get; init; }

    /// <summary>The votes, in one sentence.</summary>
    public required string Reason { get; init; }

    /// <summary>How the event was decided when the trace was recorded; null in a capture, and where the trace does not hold it.</summary>
    public TraceDecision? Recorded { get; init; }

    /// <summary>
    /// True when decision, value, exception and what audit would have done are those of <see cref="Recorded"/>; null without it.
    /// </summary>
    public bool? IsSame => Recorded is { } then
        ? Decision == then.Decision && Value == then.Value && Exception == then.Exception && WouldHave == then.WouldHave
        : null;

    /// <summary>
    /// True when the event was answered at a deadline, before the policies had decided: the trace cannot tell what they would have said, and what
    /// is missing in it is not reported.
    /// </summary>
    public bool WasLate { get; init; }

    /// <summary>The reply that the policies give now, as bytes.</summary>
    public required ReadOnlyMemory<byte> Reply { get; init; }

    /// <summary>The recorded reply; empty when there is none.</summary>
    public ReadOnlyMemory<byte> RecordedReply { get; init; }

    /// <summary>Action of the recorded reply.</summary>
    public EventAction? RecordedAction { get; init; }

    /// <summary>Value that the recorded reply installed, for CR and MSR events.</summary>
    public ulong? RecordedValue { get; init; }

    /// <summary>How far both replies are equal.</summary>
    public required ReplyMatch Match { get; init; }

    /// <summary>What policies asked for during this event and the recording does not hold.</summary>
    public required IReadOnlyList<string> NotRecorded { get; init; }

    /// <summary>Alerts, records and status lines of this event.</summary>
    public required IReadOnlyList<OutputRecord> Output { get; init; }

    /// <summary>An event of a trace as it stands there, decided by nobody.</summary>
    /// <param name="dialect">Dialect of its connection.</param>
    /// <param name="vm">Name of its VM.</param>
    /// <param name="message">The event.</param>
    /// <returns>Null when the event cannot be read.</returns>
    public static ReplayStep? Unreplayed(Dialect dialect, string vm, TraceMessage message)
    {
        ArgumentNullException.ThrowIfNull(dialect);
        ArgumentNullException.ThrowIfNull(message);
        return dialect.ReadEvent(message.Bytes, out var frame) != DecodeStatus.Ok ? null : new ReplayStep
        {
            Line = (int)Math.Min(message.Number, int.MaxValue),
            EventNumber = message.Event,
            Vm = vm,
            Sequence = frame.Sequence,
            Vcpu = frame.Vcpu,
            Event = frame.Kind,
            Subject = ReplyComparison.Subject(in frame),
            Decision = DecisionKind.Allow,
            Reason = "",
            Reply = default,
            Match = ReplyMatch.None,
            NotRecorded = [],
            Output = [],
        };
    }
}
