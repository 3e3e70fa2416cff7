namespace Kvmi.Policy.Engine.Model;

/// <summary>A decision without code: <c>then: { decision: keep, alert: name }</c>.</summary>
/// <param name="Decision">What is decided. Legal for the subscription's event.</param>
/// <param name="Notices">Alerts and records to write, alerts first, each in the order of the file.</param>
public sealed record PolicyThen(DecisionKind Decision, IReadOnlyList<PolicyNotice> Notices)
{
    /// <summary>set: the value that the register gets.</summary>
    public ulong Value { get; init; }

    /// <summary>inject: the exception. Never a page fault, whose address nobody could know beforehand.</summary>
    public GuestException Exception { get; init; }
}
