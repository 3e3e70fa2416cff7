using Kvmi.Simulator.Kernel.Mapping;

namespace Kvmi.Simulator;

/// <summary>
/// A host on which several simulated VMs live: a map token that the tool got for one of them opens that VM's memory to any other (rfc-v5 6.2).
/// Any thread.
/// </summary>
public sealed class SimulatedHost
{
    /// <summary>Makes a host without VMs.</summary>
    /// <param name="timeProvider">Clock of the tokens' life; null takes the system's.</param>
    public SimulatedHost(TimeProvider? timeProvider = null) => Tokens = new MapTokens(timeProvider ?? TimeProvider.System);

    /// <summary>The tokens that nobody has used yet.</summary>
    internal MapTokens Tokens { get; }
}
