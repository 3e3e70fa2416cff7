namespace Kvmi.Simulator;

/// <summary>The hypervisor's end of KVMI: device manager, kernel and guest against a listening tool.</summary>
public static class Simulation
{
    /// <summary>
    /// Connects to the tool, plays the scenario and gives the connection up in an orderly way. Cancellation ends the run
    /// (pre-unhook, wait for the tool to close, unhook) and is reported in the result, not thrown.
    /// </summary>
    /// <param name="options">What to simulate.</param>
    /// <param name="cancellationToken">Ends the run.</param>
    /// <returns>What happened; also when the tool misbehaved or could not be reached.</returns>
    /// <exception cref="SimulatorException">A wrong option or scenario.</exception>
    public static Task<SimulationResult> RunAsync(SimulatorOptions options, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(options);
        throw new SimulatorException($"No dialect has a rule set yet, so '{options.Dialect}' cannot be simulated.");
    }
}
