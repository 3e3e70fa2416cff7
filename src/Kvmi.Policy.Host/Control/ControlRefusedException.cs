namespace Kvmi.Policy.Host.Control;

/// <summary>The host understood, and refused. The message is its own sentence.</summary>
internal sealed class ControlRefusedException(bool isUsage, string message) : Exception(message)
{
    /// <summary>True when what was asked for cannot be at all.</summary>
    public bool IsUsage { get; } = isUsage;
}
