using Kvmi.Session.Deadlines;
using Kvmi.Session.Faults;
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
}
