using Kvmi.Session.Deadlines;
using Kvmi.Session.Faults;
using Kvmi.Session.Latency;
using Kvmi.Session.Placement;
using Microsoft.Extensions.Logging;

namespace Kvmi.Session.Vm;

/// <summary>What every connection of a server shares.</summary>
/// <param name="CommandTimeout">How long an answer may take.</param>
/// <param name="Time">Clock.</param>
/// <param name="Log">Log.</param>
/// <param name="Total">Events answered on all VMs.</param>
/// <param name="Watchdog">Watches over the deadlines.</param>
internal sealed record VmConnectionSettings(TimeSpan CommandTimeout, TimeProvider Time, ILogger Log, EventTotal Total, Watchdog Watchdog)
{
    /// <summary>Faults that are injected on purpose; null for none.</summary>
    public PeerFaults? Faults { get; init; }

    /// <summary>How owner threads wait.</summary>
    public LatencyMode Latency { get; init; }

    /// <summary>Processors and priority of owner threads.</summary>
    public ThreadPlacement Placement { get; init; } = ThreadPlacement.Anywhere;

    /// <summary>How many owner threads may spin at once.</summary>
    public SpinBudget Spins { get; init; } = new(0);

    /// <summary>What one connection spins with; null when it sleeps at once.</summary>
    public ReceiveSpin? NewSpin() => Latency == LatencyMode.Idle ? null : new ReceiveSpin(Latency, Spins, Time);
}
