namespace Kvmi.Policy.Engine.OneLiners;

/// <summary>What a one-liner does about an event.</summary>
internal sealed class Outcome
{
    /// <summary>The decision; allow when none is given.</summary>
    public DecisionKind Decision { get; set; } = DecisionKind.Allow;

    /// <summary>The decision as C#.</summary>
    public string Code { get; set; } = "Allow";

    /// <summary>Statements that run before the decision.</summary>
    public List<string> Actions { get; } = [];

    /// <summary>Names of the alerts.</summary>
    public List<string> Alerts { get; } = [];

    /// <summary>Names of the records.</summary>
    public List<string> Records { get; } = [];

    /// <summary>Names of the counts, and the variables that hold them.</summary>
    public List<(string Name, string Variable)> Counts { get; } = [];

    /// <summary>Does an alert or a record name its fields?</summary>
    public bool HasFields { get; set; }
}
