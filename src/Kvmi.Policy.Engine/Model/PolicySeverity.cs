namespace Kvmi.Policy.Engine.Model;

/// <summary>Severity of a policy's alerts.</summary>
public enum PolicySeverity
{
    /// <summary>For information.</summary>
    Info,

    /// <summary>Low.</summary>
    Low,

    /// <summary>Medium.</summary>
    Medium,

    /// <summary>High.</summary>
    High,

    /// <summary>Critical.</summary>
    Critical,
}
