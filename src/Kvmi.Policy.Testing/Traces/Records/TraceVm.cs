namespace Kvmi.Policy.Testing.Traces.Records;

/// <summary>A connection has become a VM: who it is and what it offers. Names of kinds are those of the enumerations, for example ReadPhysical.</summary>
public sealed record TraceVm : TraceRecord
{
    /// <summary>Name that its device manager gave, escaped; may be empty.</summary>
    public string Name { get; init; } = "";

    /// <summary>UUID.</summary>
    public Guid Uuid { get; init; }

    /// <summary>When it was created or reset; null when not told.</summary>
    public DateTimeOffset? StartTime { get; init; }

    /// <summary>Name of the dialect as on the command line.</summary>
    public string Dialect { get; init; } = "";

    /// <summary>Number of vCPUs at that time.</summary>
    public int Vcpus { get; init; }

    /// <summary>Largest payload in bytes; 0 when not known.</summary>
    public int MaxPayload { get; init; }

    /// <summary>Feature bytes.</summary>
    public ulong Features { get; init; }

    /// <summary>First guest frame that is not accessible; null when not known.</summary>
    public ulong? MaxGfn { get; init; }

    /// <summary>Commands that can be used.</summary>
    public IReadOnlyList<string> Commands { get; init; } = [];

    /// <summary>Commands that the administrator forbids.</summary>
    public IReadOnlyList<string> ForbiddenCommands { get; init; } = [];

    /// <summary>Commands that the kernel does not know.</summary>
    public IReadOnlyList<string> AbsentCommands { get; init; } = [];

    /// <summary>Events that can be used.</summary>
    public IReadOnlyList<string> Events { get; init; } = [];

    /// <summary>Events that the administrator forbids.</summary>
    public IReadOnlyList<string> ForbiddenEvents { get; init; } = [];

    /// <summary>Events that the kernel does not know.</summary>
    public IReadOnlyList<string> AbsentEvents { get; init; } = [];
}
