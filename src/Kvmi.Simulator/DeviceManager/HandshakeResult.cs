using System.Net.Sockets;

namespace Kvmi.Simulator.DeviceManager;

/// <summary>What became of one attempt to reach the tool.</summary>
/// <param name="Socket">The connection, ready for the kernel side; null when there is none.</param>
/// <param name="Error">Why there is none.</param>
/// <param name="IsUnreachable">True when nobody listened, so that trying again soon makes sense.</param>
/// <param name="BrokenBy">Fault of the scenario that the tool may have given up for; null: none.</param>
internal readonly record struct HandshakeResult(Socket? Socket, string? Error, bool IsUnreachable, string? BrokenBy = null);
