namespace Kvmi.Policy.Engine.Model;

/// <summary>An alert or a record that a subscription without code writes.</summary>
/// <param name="Name">Its name.</param>
/// <param name="IsAlert">True for an alert, false for a record.</param>
public sealed record PolicyNotice(string Name, bool IsAlert)
{
    /// <summary>Severity instead of the policy's; null leaves that. Alerts only.</summary>
    public PolicySeverity? Severity { get; init; }

    /// <summary>
    /// What is told of the event, by the names of <c>eventField</c> in the schema; null for all that the event is about. What an event does not
    /// have after all (xsetbv in dialects without values) is left out.
    /// </summary>
    public IReadOnlyList<string>? Fields { get; init; }
}
