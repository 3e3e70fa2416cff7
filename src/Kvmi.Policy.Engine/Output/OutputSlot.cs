using Kvmi.Policy.Engine.Dispatch;
using Kvmi.Policy.Engine.Output.Alerts;

namespace Kvmi.Policy.Engine.Output;

/// <summary>
/// One place of the output ring. A decision is copied in field by field, so that a vCPU's thread allocates nothing for it;
/// other lines, which are rare or allocate anyway, come as finished records.
/// </summary>
internal sealed class OutputSlot
{
    public const int MaxVotes = 8;

    public long Turn;
    public OutputRecord? Ready;
    public AlertSource? Source;
    public long Timestamp;
    public DateTimeOffset Time;
    public string Vm = "";
    public EventFacts Facts;
    public DecisionKind Decision;
    public ulong Value;
    public bool HasValue;
    public string? Winner;
    public DecisionKind WouldHave;
    public bool HasWouldHave;
    public string? Note;
    public bool IsHarmless;
    public long Nanoseconds;
    public int VoteCount;
    public readonly OutputVote[] Votes = new OutputVote[MaxVotes];
}
