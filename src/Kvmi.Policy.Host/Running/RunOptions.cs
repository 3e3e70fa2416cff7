using Kvmi.Policy.Engine.Model;
using Kvmi.Policy.Engine.Scripting.Cache;
using Kvmi.Policy.Host.CommandLine;
using Kvmi.Policy.Host.Control;
using Kvmi.Policy.Host.OneLiners;
using Kvmi.Policy.Host.Sinks;
using Kvmi.Policy.Host.Recording;
using Kvmi.Policy.Host.Watching;
using Kvmi.Protocol;
using Kvmi.Session;
using Kvmi.Session.Endpoints;

namespace Kvmi.Policy.Host.Running;

/// <summary>What a run was asked for.</summary>
internal sealed record RunOptions
{
    public required IReadOnlyList<KvmiEndpoint> Endpoints { get; init; }

    public required IReadOnlyList<string> Policies { get; init; }

    /// <summary>Policies of the command line itself.</summary>
    public GivenOneLiners OneLiners { get; init; } = GivenOneLiners.None;

    /// <summary>How histograms are shown while it runs; null: only at the end.</summary>
    public WatchSettings? Watch { get; init; }

    public required IReadOnlyList<string> Plugins { get; init; }

    /// <summary>Site files.</summary>
    public IReadOnlyList<string> Sites { get; init; } = [];

    public PolicyMode? Mode { get; init; }

    /// <summary>The switch over all policies at the start.</summary>
    public MasterMode Master { get; init; }

    /// <summary>Where the journals of patches are.</summary>
    public required string State { get; init; }

    /// <summary>How it can be operated and watched while it runs.</summary>
    public ControlSettings Control { get; init; } = ControlSettings.None;

    /// <summary>Where alerts go besides stdout.</summary>
    public IReadOnlyList<SinkSpec> Sinks { get; init; } = [];

    /// <summary>Scenario of the built-in simulated guest; null for none.</summary>
    public string? Scenario { get; init; }

    /// <summary>The dialect of every peer; null to detect it.</summary>
    public KvmiDialect? Dialect { get; init; }

    /// <summary>What the simulated guest's kernel speaks; null: as <see cref="Dialect"/>, else v7.</summary>
    public KvmiDialect? SimulatedDialect { get; init; }

    /// <summary>Number of vCPUs of the simulated guest; null: the scenario's.</summary>
    public int? Vcpus { get; init; }

    /// <summary>Seed of the simulated guest; null: the scenario's.</summary>
    public ulong? Seed { get; init; }

    /// <summary>When the simulated guest connects again; null: as the scenario says.</summary>
    public TimeSpan? Reconnect { get; init; }

    public long? Events { get; init; }

    public TimeSpan? Duration { get; init; }

    public ReadOnlyMemory<byte>? Cookie { get; init; }

    /// <summary>Faults to inject on purpose; null for none.</summary>
    public FaultPlan? Faults { get; init; }

    /// <summary>The trace to record; null for none.</summary>
    public RecordSettings? Record { get; init; }

    public bool AllowRemote { get; init; }

    /// <summary>What plugins and policies must satisfy.</summary>
    public required FileRules FileRules { get; init; }

    /// <summary>What groups of options add to those of the server: who may connect, how threads wait and run, how long events may take.</summary>
    public required IReadOnlyList<Func<KvmiServerOptions, KvmiServerOptions>> Server { get; init; }

    /// <summary>Pages of guest memory that a VM's policies remember during an event; 0 for none.</summary>
    public int MemoryCachePages { get; init; } = MemoryOptions.DefaultCachePages;

    /// <summary>Every policy's code runs in a worker.</summary>
    public bool Untrusted { get; init; }

    /// <summary>Also in a worker that is not confined completely.</summary>
    public bool AllowWeakWorker { get; init; }

    /// <summary>How changed policies go live.</summary>
    public ReloadSettings Reload { get; init; } = new();

    /// <summary>Where compiled scripts are kept; null: nowhere.</summary>
    public CompileCache? CompileCache { get; init; }
}
