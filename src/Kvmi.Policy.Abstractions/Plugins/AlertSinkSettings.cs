namespace Kvmi.Policy;

/// <summary>What the operator says to an <see cref="IAlertSink"/>. Since contract 1.1.</summary>
public sealed class AlertSinkSettings
{
    /// <summary>The text behind the class in <c>--sink plugin:ID/CLASS:TEXT</c>; empty without one. A command line can be read by every user of
    /// the machine: for secrets let it name a file.</summary>
    public required string Text { get; init; }
}
