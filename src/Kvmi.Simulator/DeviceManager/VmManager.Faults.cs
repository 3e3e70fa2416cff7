using System.Net.Sockets;
using Kvmi.Simulator.Kernel;
using Kvmi.Simulator.Scenarios;
using Kvmi.Simulator.Transport;
using Kvmi.Simulator.Transport.Faults;

namespace Kvmi.Simulator.DeviceManager;

/// <content>What the scenario lets go wrong on the way to the tool.</content>
internal sealed partial class VmManager
{
    private readonly FaultSchedule _faults;
    private FaultyMessageWriter? _faulty;

    /// <summary>How often each fault has happened, by name.</summary>
    public IReadOnlyDictionary<string, long> Faults => _faults.Counts;

    /// <summary>The way of messages into a socket, with the scenario's faults in it if there are any.</summary>
    private IMessageWriter CreateWriter(Socket socket)
    {
        var plain = new SocketMessageWriter(socket);
        _faulty = _scenario.Faults.Count == 0 ? null : new FaultyMessageWriter(plain, _faults);
        return _faulty is null ? plain : _faulty;
    }

    /// <summary>Lets faults close the connection, and ends their waits with it.</summary>
    private void AttachFaults(HookedVm hook) => _faulty?.Attach(hook.Close, hook.Closed);

    /// <summary>What the scenario asked for is its end as written, whichever side closed; the log has the reason.</summary>
    /// <returns>Null when no fault can have ended the connection.</returns>
    private GuestEnd? EndByFault() => _faulty?.BrokenBy is null ? null : new GuestEnd(SimulationEnd.BrokenByFault, null);
}
