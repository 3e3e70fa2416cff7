using Kvmi.Policy.Engine.Output;
using Kvmi.Protocol;

namespace Kvmi.Policy.Testing.Replay;

/// <summary>One replayed event: what the policies decide now beside what was answered then.</summary>
public sealed record ReplayStep
{
    /// <summary>Line of the capture on which the event stands.</summary>
    public required int Line { get; init; }

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

    /// <summary>The policy whose vote is in force; null when no vote counted.</summary>
    public string? Policy { get; init; }

    /// <summary>Strongest audit vote that is stronger than what is in force.</summary>
    public DecisionKind? WouldHave { get; init; }

    /// <summary>The votes, in one sentence.</summary>
    public required string Reason { get; init; }

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

    /// <summary>Commands of policies during this event that the capture does not answer.</summary>
    public required IReadOnlyList<string> NotRecorded { get; init; }

    /// <summary>Alerts, records and status lines of this event.</summary>
    public required IReadOnlyList<OutputRecord> Output { get; init; }
}
