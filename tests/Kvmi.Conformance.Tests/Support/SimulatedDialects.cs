using Kvmi.Protocol;
using Kvmi.Simulator;

namespace Kvmi.Conformance.Tests.Support;

/// <summary>Which dialects the simulator has a kernel of: asked of the simulator itself.</summary>
internal static class SimulatedDialects
{
    /// <summary>True when a simulation in this dialect is accepted.</summary>
    public static bool Has(KvmiDialect dialect)
    {
        try
        {
            using var cancelled = new CancellationTokenSource();
            cancelled.Cancel();
            _ = Simulation.RunAsync(new SimulatorOptions { Endpoint = "unix:/nowhere", Dialect = dialect }, cancelled.Token);
            return true;
        }
        catch (SimulatorException)
        {
            return false;
        }
    }
}
