using Kvmi.Guest.Memory;
using Kvmi.Policy.Engine.Faults;
using Kvmi.Policy.Engine.Output;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Logging.Abstractions;

namespace Kvmi.Policy.Engine;

/// <summary>How a <see cref="PolicyEngine"/> runs. Everything has a default but the sink.</summary>
public sealed record PolicyEngineOptions
{
    /// <summary>Where alerts, records, decisions and status lines go; called on the engine's output thread only.</summary>
    public required IOutputSink Output { get; init; }

    /// <summary>The clock: alert times, dedupe and quarantine windows, latency.</summary>
    public TimeProvider TimeProvider { get; init; } = TimeProvider.System;

    /// <summary>True: every decision is written, also the harmless ones.</summary>
    public bool EmitAllDecisions { get; init; }

    /// <summary>Lines of output that may wait for the sink; more are counted and reported as lost-output. Rounded up to a power of
    /// two.</summary>
    public int OutputCapacity { get; init; } = 8192;

    /// <summary>Seed of the hash functions of policy state, so that a guest cannot choose colliding values; null takes a random
    /// one.</summary>
    public ulong? HashSeed { get; init; }

    /// <summary>
    /// Directory of the journals with which patches of guest memory are put back after a crash of this process, or after a connection
    /// that was lost; null for none. It is made when it is missing, and must let nobody else in: what its files say is written into guests. One process at a
    /// time uses the journal of a VM.
    /// </summary>
    public string? StateDirectory { get; init; }

    /// <summary>
    /// How long the policies' leases may take to be given back when a VM goes away in order: well below what the device manager waits
    /// for (kvmi-later-dialects.md 2.4: 60 s). What is left then is reported, and closing the connection undoes it as far as the kernel
    /// does.
    /// </summary>
    public TimeSpan GiveBackPatience { get; init; } = TimeSpan.FromSeconds(20);

    /// <summary>
    /// Pages of guest memory that are remembered for each VM while it has an event, 8 to 1024, for all policies together; 0 to ask
    /// the kernel again at every call. Buffers are made when they are first needed.
    /// </summary>
    /// <exception cref="ArgumentOutOfRangeException">The number is another one.</exception>
    public int MemoryCachePages
    {
        get;
        init => field = value is 0 or (>= PageCache.MinPages and <= PageCache.MaxPages)
            ? value
            : throw new ArgumentOutOfRangeException(
                nameof(value), value, $"A cache of guest memory has {PageCache.MinPages} to {PageCache.MaxPages} pages, or 0 for none.");
    } = 32;

    /// <summary>Faults that are injected on purpose, to see that policies and what reads their output survive them; null for none.</summary>
    public PolicyFaults? Faults { get; init; }

    /// <summary>Where the engine logs what is no output of a policy: a sink that throws.</summary>
    public ILogger Logger { get; init; } = NullLogger.Instance;
}
