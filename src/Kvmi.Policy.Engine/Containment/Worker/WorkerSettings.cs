namespace Kvmi.Policy.Engine.Containment.Worker;

/// <summary>How workers for untrusted policies are started and how long they may take. Immutable; for any thread.</summary>
public sealed record WorkerSettings
{
    /// <summary>Full path of the program that becomes a worker: it calls <see cref="WorkerMain.Run"/> and nothing else.</summary>
    public required string Program { get; init; }

    /// <summary>Its arguments.</summary>
    public IReadOnlyList<string> Arguments { get; init; } = [];

    /// <summary>
    /// How long a handler may take at most, in real time and with everything that it asks of the host; then its worker is ended. A
    /// policy's own budget.timeout counts if it is shorter: nine tenths of it, so that the host's thread is back in time.
    /// </summary>
    public TimeSpan HandlerLimit { get; init; } = TimeSpan.FromMilliseconds(500);

    /// <summary>How long a policy's top-level statements or OnAttach may take; OnDetach has a second.</summary>
    public TimeSpan AttachLimit { get; init; } = TimeSpan.FromSeconds(2);

    /// <summary>How long a worker may take to start, load its code and confine itself.</summary>
    public TimeSpan StartLimit { get; init; } = TimeSpan.FromSeconds(30);

    /// <summary>Wait before the first restart after a worker's death; doubled for each further one.</summary>
    public TimeSpan FirstRestart { get; init; } = TimeSpan.FromMilliseconds(100);

    /// <summary>Longest wait before a restart.</summary>
    public TimeSpan LastRestart { get; init; } = TimeSpan.FromSeconds(30);

    /// <summary>Bytes of managed memory that a worker may have; half as much again may be used besides.</summary>
    public long Memory { get; init; } = 256L * 1024 * 1024;

    /// <summary>True: policies go to a worker that could not be confined completely, with a warning instead of an error.</summary>
    public bool AllowWeak { get; init; }
}
