using Kvmi.Policy.Engine.Output;
using Kvmi.Policy.Host.Output.Records;

namespace Kvmi.Policy.Host.Control;

/// <summary>Which lines a reader of tail wants. Every part that is given has to hold.</summary>
internal sealed record RecordFilter
{
    /// <summary>The words that a filter may name.</summary>
    public static IReadOnlyList<string> AllKinds { get; } = ["alert", "record", "decision", "status", "finding"];

    /// <summary>Kinds of lines; empty for all.</summary>
    public IReadOnlyList<string> Kinds { get; init; } = [];

    /// <summary>The policy; null for all.</summary>
    public string? Policy { get; init; }

    /// <summary>Name of the VM; null for all.</summary>
    public string? Vm { get; init; }

    /// <summary>True when the line is wanted.</summary>
    public bool Matches(OutputRecord record) =>
        (Kinds.Count == 0 || Kinds.Contains(KindOf(record)))
        && (Vm is null || record.Vm == Vm)
        && (Policy is null || Concerns(record, Policy));

    /// <summary>True when the policy is concerned: it wrote the line, or voted.</summary>
    public static bool Concerns(OutputRecord record, string policy) => record switch
    {
        DecisionOutput decision => decision.Policy == policy || decision.Votes.Any(vote => vote.Policy == policy),
        NoticeOutput notice => notice.Policy == policy,
        SuppressedAlertsOutput suppressed => suppressed.Policy == policy,
        StatusOutput status => status.Policy == policy,
        _ => false,
    };

    private static string KindOf(OutputRecord record) => record switch
    {
        NoticeOutput { IsAlert: true } or SuppressedAlertsOutput => "alert",
        NoticeOutput => "record",
        DecisionOutput => "decision",
        FindingOutput => "finding",
        _ => "status",
    };
}
