namespace Kvmi.Policy;

/// <summary>The engine's clock.</summary>
public interface IPolicyClock
{
    /// <summary>Wall-clock time, UTC.</summary>
    DateTimeOffset UtcNow { get; }

    /// <summary>Time since the VM was attached.</summary>
    TimeSpan SinceAttach { get; }
}
