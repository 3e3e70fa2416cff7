using Kvmi.Policy.Engine.Findings;

namespace Kvmi.Policy.Engine.Model;

/// <summary>Where the handlers of a policy come from. Exactly one of script file, inline text and plugin type; or none of them for policies of <c>then</c> alone.</summary>
public sealed record PolicyCode
{
    /// <summary>Path of the script file.</summary>
    public string? ScriptFile { get; init; }

    /// <summary>Text of an inline script.</summary>
    public string? InlineText { get; init; }

    /// <summary>Line of the policy file on which the inline text starts, so that diagnostics point into it.</summary>
    public int InlineLine { get; init; }

    /// <summary>Id of the plugin.</summary>
    public string? Plugin { get; init; }

    /// <summary>Full or simple name of the plugin's policy class.</summary>
    public string? PluginType { get; init; }

    /// <summary>Where it is declared.</summary>
    public SourceLocation Location { get; init; }

    /// <summary>True when no code is needed.</summary>
    public bool IsNone => ScriptFile is null && InlineText is null && Plugin is null;
}
