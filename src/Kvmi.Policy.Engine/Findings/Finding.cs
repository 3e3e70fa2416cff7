namespace Kvmi.Policy.Engine.Findings;

/// <summary>One thing that is wrong with a policy file, a script or a plugin.</summary>
/// <param name="Location">Where.</param>
/// <param name="Severity">How bad.</param>
/// <param name="Code">Stable code: KPnnnn of this product, or the compiler's CSnnnn.</param>
/// <param name="Message">What is wrong and what was expected, one sentence.</param>
/// <param name="Hint">What to do; may be null.</param>
public sealed record Finding(SourceLocation Location, FindingSeverity Severity, string Code, string Message, string? Hint = null)
{
    /// <summary>The line that validate prints: <c>file:line:column: error CODE: message (hint)</c>.</summary>
    public override string ToString()
    {
        var severity = Severity == FindingSeverity.Error ? "error" : "warning";
        var hint = Hint is null ? "" : $" ({Hint})";
        return $"{Location}: {severity} {Code}: {Message}{hint}";
    }
}
