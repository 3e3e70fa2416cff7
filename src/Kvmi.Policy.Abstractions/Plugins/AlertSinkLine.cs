namespace Kvmi.Policy;

/// <summary>A line of output on its way into an <see cref="IAlertSink"/>. Since contract 1.1.</summary>
/// <remarks>Texts can hold bytes that a guest has chosen; only <see cref="Json"/> is escaped.</remarks>
public sealed class AlertSinkLine
{
    /// <summary>What it is, with the word that JSON lines have for it: alert, record, decision, suppressed, status, finding, summary.</summary>
    public required string Type { get; init; }

    /// <summary>When it happened, UTC.</summary>
    public required DateTimeOffset Time { get; init; }

    /// <summary>The VM's name; null when no VM is concerned.</summary>
    public string? Vm { get; init; }

    /// <summary>The policy; null when none is concerned.</summary>
    public string? Policy { get; init; }

    /// <summary>Name of the alert or record, or the word of a status; null for other lines.</summary>
    public string? Name { get; init; }

    /// <summary>info, low, medium, high or critical; null for lines that have none.</summary>
    public string? Severity { get; init; }

    /// <summary>The fields of an alert, a record or a status, in order: null, bool, long, ulong, double, string, byte[] or a value whose text counts.</summary>
    public IReadOnlyList<KeyValuePair<string, object?>> Fields { get; init; } = [];

    /// <summary>The whole line as JSON in UTF-8, without a line feed: printable ASCII, everything else escaped.</summary>
    public required ReadOnlyMemory<byte> Json { get; init; }
}
