namespace Kvmi.Policy.Host.Sinks;

/// <summary>A receiver asks to be tried again later.</summary>
internal sealed class SinkBusyException(string message, TimeSpan? after) : Exception(message)
{
    /// <summary>The time that it named; null for none.</summary>
    public TimeSpan? After { get; } = after;
}
