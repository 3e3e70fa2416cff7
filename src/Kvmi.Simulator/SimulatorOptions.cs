using Kvmi.Protocol;
using Kvmi.Simulator.Machine.Model;
using Kvmi.Simulator.Programs;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Logging.Abstractions;

namespace Kvmi.Simulator;

/// <summary>
/// What to simulate and how to reach the tool. Values that are null are taken from the scenario. Immutable; check with
/// <see cref="Simulation.RunAsync"/>, which refuses wrong values before it connects.
/// </summary>
public sealed record SimulatorOptions
{
    /// <summary>Largest number of vCPUs that the model guest has room for.</summary>
    public const int MaxVcpus = GuestLayout.MaxVcpus;

    /// <summary>Where the tool listens: <c>unix:PATH</c>, <c>tcp:HOST:PORT</c> (loopback only) or <c>vsock:CID:PORT</c>.</summary>
    public required string Endpoint { get; init; }

    /// <summary>Wire dialect that the simulated kernel speaks. Only dialects with a rule set are accepted.</summary>
    public KvmiDialect Dialect { get; init; } = KvmiDialect.V7;

    /// <summary>Whose virtualization hardware the machine has: what GET_VERSION offers and which commands give an error follow from it.</summary>
    public MachineHardware Hardware { get; init; } = MachineHardware.Vmx;

    /// <summary>Peculiarities of the rfc-v5 kernel; null takes the defaults. Other dialects ignore it.</summary>
    public RfcV5KernelOptions? RfcV5 { get; init; }

    /// <summary>Number of vCPUs, 1 to <see cref="MaxVcpus"/>; null takes the scenario's.</summary>
    public int? Vcpus { get; init; }

    /// <summary>Name of a built-in scenario (<see cref="Simulation.BuiltInScenarios"/>) or path of a scenario file.</summary>
    public string Scenario { get; init; } = "default";

    /// <summary>Seed of everything that the guest chooses at random; null takes the scenario's.</summary>
    public ulong? Seed { get; init; }

    /// <summary>Stop after this many answered events; vCPUs that wait for an answer just then may pass the number by a few. Null: no limit.</summary>
    public long? MaxEvents { get; init; }

    /// <summary>Stop after this time from the first hook; null: no limit.</summary>
    public TimeSpan? MaxDuration { get; init; }

    /// <summary>
    /// Secret of the device manager, raw bytes. When it is not null, the tool's answer must carry the SHA-1 of these bytes
    /// (kvmi-later-dialects.md 2.3).
    /// </summary>
    public ReadOnlyMemory<byte>? Cookie { get; init; }

    /// <summary>Form of the hello; null takes the scenario's.</summary>
    public HelloForm? Hello { get; init; }

    /// <summary>Name of the guest in the hello, at most 63 bytes of UTF-8; null takes the scenario's.</summary>
    public string? Name { get; init; }

    /// <summary>UUID of the guest in the hello; null takes the scenario's.</summary>
    public Guid? Uuid { get; init; }

    /// <summary>Command ids (wire numbers) that the administrator allows; null allows all.</summary>
    public IReadOnlyCollection<ushort>? AllowedCommands { get; init; }

    /// <summary>Event ids (wire numbers) that the administrator allows; null allows all.</summary>
    public IReadOnlyCollection<ushort>? AllowedEvents { get; init; }

    /// <summary>
    /// True to send the page-fault event of a forbidden instruction fetch a second time after CONTINUE, as the captured kernels do before they emulate
    /// the instruction (kvmi-v7-pagefault.hex, kvmi-v11-pagefault.hex). They ran on an AMD processor; of Intel's nothing is captured.
    /// </summary>
    public bool RepeatsFetchEvents { get; init; }

    /// <summary>
    /// The host that the VM shares with others, so that they can map its memory with tokens of GET_MAP_TOKEN; null for a VM that is alone
    /// (kvmi-later-dialects.md 2.5, <c>chardev-memsrc</c>; rfc-v5 6.2).
    /// </summary>
    public SimulatedHost? Host { get; init; }

    /// <summary>How long the first connection is tried again, so that either side may start first.</summary>
    public TimeSpan ConnectPatience { get; init; } = TimeSpan.FromSeconds(10);

    /// <summary>
    /// Pause before the device manager connects again after the connection ended or the answer was wrong; null gives up
    /// instead. QEMU's option <c>reconnect</c>.
    /// </summary>
    public TimeSpan? Reconnect { get; init; }

    /// <summary>How long the tool may take for its answer to the hello (kvmi-later-dialects.md 2.5: 10 s).</summary>
    public TimeSpan HandshakeTimeout { get; init; } = TimeSpan.FromSeconds(10);

    /// <summary>How long the tool may take to close after the UNHOOK event (kvmi-later-dialects.md 2.4: 60 s).</summary>
    public TimeSpan UnhookPatience { get; init; } = TimeSpan.FromSeconds(60);

    /// <summary>
    /// Time without a message from the tool, once it has armed something, after which it counts as ready and the scenario's steps
    /// start; null takes the scenario's, which is 1 s unless its file says otherwise. Real guests do not wait; this is what lets a
    /// scenario be seen from its first step. The scenario's <c>max-wait</c> bounds the whole wait.
    /// </summary>
    public TimeSpan? Settle { get; init; }

    /// <summary>Clock of every time-out and pause.</summary>
    public TimeProvider TimeProvider { get; init; } = TimeProvider.System;

    /// <summary>Where the simulator logs.</summary>
    public ILoggerFactory LoggerFactory { get; init; } = NullLoggerFactory.Instance;
}
