using Kvmi.Session.Endpoints;

namespace Kvmi.Policy.Host.Control;

/// <summary>How a run can be operated and watched from outside.</summary>
internal sealed record ControlSettings
{
    /// <summary>Nothing is offered.</summary>
    public static ControlSettings None { get; } = new();

    /// <summary>The control socket; null for none.</summary>
    public string? Path { get; init; }

    /// <summary>True when the user did not name the socket: then the run goes on without it if it cannot be had.</summary>
    public bool IsDefault { get; init; }

    /// <summary>Where metrics and health are served over TCP besides; null for nowhere.</summary>
    public KvmiEndpoint? Metrics { get; init; }

    /// <summary>The OpenTelemetry collector; null for none.</summary>
    public Uri? Otlp { get; init; }
}
