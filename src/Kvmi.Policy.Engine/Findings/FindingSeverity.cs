namespace Kvmi.Policy.Engine.Findings;

/// <summary>How bad a finding is.</summary>
public enum FindingSeverity
{
    /// <summary>Works, but is probably not what was meant.</summary>
    Warning,

    /// <summary>Cannot be loaded.</summary>
    Error,
}
