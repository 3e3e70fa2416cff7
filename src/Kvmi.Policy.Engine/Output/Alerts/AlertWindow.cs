namespace Kvmi.Policy.Engine.Output.Alerts;

/// <summary>A time in which alerts are kept back: those that repeat one, or those above a number.</summary>
internal sealed class AlertWindow
{
    /// <summary>Timestamps of the engine's clock.</summary>
    public required long Start { get; init; }

    /// <inheritdoc cref="Start"/>
    public required long End { get; init; }

    public required bool IsThrottle { get; init; }

    /// <summary>Alerts that were let pass; only counted for a throttle.</summary>
    public long Passed { get; set; }

    /// <summary>Alerts that were kept back and are not reported yet.</summary>
    public long Suppressed { get; set; }

    /// <summary>The report of them without count and time; made with the first one that is kept back.</summary>
    public SuppressedAlertsOutput? Report { get; set; }
}
