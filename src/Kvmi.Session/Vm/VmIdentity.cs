namespace Kvmi.Session.Vm;

/// <summary>Who the VM is, as its device manager said in the handshake (kvmi-later-dialects.md 2.2).</summary>
/// <param name="Name">Guest name with control characters and invalid bytes escaped; may be empty.</param>
/// <param name="Uuid">UUID of the VM.</param>
/// <param name="StartTime">Host wall-clock time of the VM's creation or last reset; null when the device manager sent 0.</param>
/// <param name="Peer">The connection, for messages: endpoint and running number.</param>
public sealed record VmIdentity(string Name, Guid Uuid, DateTimeOffset? StartTime, string Peer)
{
    /// <summary>How this connection relates to earlier ones of the same VM.</summary>
    public VmArrival Arrival { get; init; }
}
