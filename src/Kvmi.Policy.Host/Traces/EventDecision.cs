using Kvmi.Policy.Engine.Output;
using Kvmi.Policy.Host.Output;
using Kvmi.Policy.Host.Output.Records;
using Kvmi.Policy.Testing.Replay;
using Kvmi.Policy.Testing.Traces.Records;

namespace Kvmi.Policy.Host.Traces;

/// <summary>How one event was decided, by whomever: one side of a comparison.</summary>
/// <param name="Decision">The decision in force.</param>
/// <param name="Value">Value that it installed.</param>
/// <param name="Exception">Exception that it injected.</param>
/// <param name="WouldHave">What audit would have done.</param>
/// <param name="Votes">The votes, in one sentence.</param>
internal sealed record EventDecision(DecisionKind Decision, ulong? Value, GuestException? Exception, DecisionKind? WouldHave, string Votes)
{
    public static EventDecision Of(ReplayStep step) => new(step.Decision, step.Value, step.Exception, step.WouldHave, step.Reason);

    public static EventDecision? Of(TraceDecision? decision) => decision is null
        ? null
        : new(decision.Decision, decision.Value, decision.Exception, decision.WouldHave, DecisionText.Votes(decision));

    public bool IsSameAs(EventDecision other) =>
        (Decision, Value, Exception, WouldHave) == (other.Decision, other.Value, other.Exception, other.WouldHave);

    private string Text => DecisionText.Of(Decision, Value, Exception, WouldHave);

    private IReadOnlyList<OutputField> Fields => DecisionText.Fields(Decision, Value, Exception, WouldHave, Votes);

    /// <summary>The line of an event that both sides decided differently, or that only one of them has.</summary>
    public static TraceOutput Difference(ResultWriter results, ReplayStep at, EventDecision? now, EventDecision? then) => new()
    {
        Time = results.Now,
        Vm = at.Vm,
        Type = "difference",
        Fields =
        [
            new("number", at.EventNumber), new("seq", at.Sequence), new("vcpu", (int)at.Vcpu), new("event", Words.Of(at.Event)), new("subject", at.Subject),
            new("now", now?.Fields), new("then", then?.Fields),
        ],
        Text = $"event {at.EventNumber}: {at.Vm} vcpu {at.Vcpu} {at.Subject}: now {now?.Text ?? "not decided"}, then {then?.Text ?? "not recorded"} | now: "
            + $"{now?.Votes ?? "-"} | then: {then?.Votes ?? "-"}",
    };
}
