using Kvmi.Simulator.Scenarios;

namespace Kvmi.Simulator;

/// <summary>The hypervisor's end of KVMI: device manager, kernel and guest against a listening tool.</summary>
public static class Simulation
{
    private const int MaxNameBytes = 63;

    /// <summary>Names of the scenarios that need no file.</summary>
    public static IReadOnlyList<string> BuiltInScenarios => Scenarios.BuiltInScenarios.Names;

    /// <summary>The scenarios that need no file, with what they do.</summary>
    public static IReadOnlyList<CatalogueEntry> ScenarioCatalogue => Scenarios.BuiltInScenarios.All;

    /// <summary>The faults that a scenario file may ask for, with what they do.</summary>
    public static IReadOnlyList<CatalogueEntry> FaultCatalogue { get; } =
        [.. Transport.Faults.FaultCatalogue.All.Select(fault => new CatalogueEntry(fault.Name, fault.Description))];

    /// <summary>
    /// Connects to the tool, plays the scenario and gives the connection up in an orderly way. Cancellation ends the run
    /// (pre-unhook, wait for the tool to close, unhook) and is reported in the result, not thrown. The guest runs on threads of its
    /// own; several simulations may run at once.
    /// </summary>
    /// <param name="options">What to simulate.</param>
    /// <param name="cancellationToken">Ends the run.</param>
    /// <returns>What happened; also when the tool misbehaved or could not be reached.</returns>
    /// <exception cref="SimulatorException">A wrong option or scenario.</exception>
    public static Task<SimulationResult> RunAsync(SimulatorOptions options, CancellationToken cancellationToken) =>
        Start(options, cancellationToken).Completion;

    /// <summary>As <see cref="RunAsync"/>, but what an administrator does to a VM while it runs can be done.</summary>
    /// <param name="options">What to simulate.</param>
    /// <param name="cancellationToken">Ends the run.</param>
    /// <returns>The handle of the simulation, which has begun to connect.</returns>
    /// <exception cref="SimulatorException">A wrong option or scenario.</exception>
    public static SimulationControl Start(SimulatorOptions options, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(options);
        Check(options);
        var scenario = LoadScenario(options);
        options = options with { Reconnect = options.Reconnect ?? scenario.Reconnect };
        return new SimulationControl(new SimulationRunner(options, scenario, new ModelGuest(scenario, options)), cancellationToken);
    }

    private static Scenario LoadScenario(SimulatorOptions options)
    {
        var scenario = Scenarios.BuiltInScenarios.Find(options.Scenario, options.Seed ?? 1);
        if (scenario is null && !File.Exists(options.Scenario))
        {
            throw new SimulatorException(
                $"There is no scenario '{options.Scenario}': neither a file nor one of {string.Join(", ", BuiltInScenarios)}.");
        }

        scenario ??= ScenarioLoader.Load(options.Scenario, ModelGuest.ProgramNames);
        scenario = scenario with
        {
            Vcpus = options.Vcpus ?? scenario.Vcpus,
            Seed = options.Seed ?? scenario.Seed,
            Hello = options.Hello ?? scenario.Hello,
            Name = options.Name ?? scenario.Name,
            Uuid = options.Uuid ?? scenario.Uuid,
            Settle = options.Settle ?? scenario.Settle,
        };
        foreach (var step in scenario.Steps)
        {
            if (step.Vcpu >= scenario.Vcpus)
            {
                throw new SimulatorException(
                    $"Scenario '{scenario.Title}': a '{step.Program}' step is for vCPU {step.Vcpu}, but the guest has {scenario.Vcpus}; ask for more vCPUs.");
            }
        }

        return scenario;
    }

    private static void Check(SimulatorOptions options)
    {
        if (options.Vcpus is < 1 or > SimulatorOptions.MaxVcpus)
        {
            throw new SimulatorException($"{options.Vcpus} vCPUs: the model machine has 1 to {SimulatorOptions.MaxVcpus}.");
        }

        if (options.MaxEvents is < 1)
        {
            throw new SimulatorException($"A limit of {options.MaxEvents} events: give 1 or more, or none.");
        }

        if (options.Name is { } name && System.Text.Encoding.UTF8.GetByteCount(name) > MaxNameBytes)
        {
            throw new SimulatorException($"The guest's name has more than {MaxNameBytes} bytes, which is all that the hello holds.");
        }

        if (options.RfcV5?.VcpuIdStride is < 1 or > RfcV5KernelOptions.MaxVcpuIdStride)
        {
            throw new SimulatorException($"A distance of {options.RfcV5.VcpuIdStride} between vCPU ids: give 1 to {RfcV5KernelOptions.MaxVcpuIdStride}.");
        }

        CheckTime(options.MaxDuration, "time limit");
        CheckTime(options.Reconnect, "reconnect pause");
        CheckTime(options.ConnectPatience, "connect patience");
        CheckTime(options.HandshakeTimeout, "handshake time-out");
        CheckTime(options.UnhookPatience, "unhook patience");
        CheckTime(options.Settle, "settle time");
    }

    private static void CheckTime(TimeSpan? time, string what)
    {
        if (time is { } value && (value < TimeSpan.Zero || value > TimeSpan.FromDays(24)))
        {
            throw new SimulatorException($"The {what} of {value} is out of range: 0 to 24 days.");
        }
    }
}
