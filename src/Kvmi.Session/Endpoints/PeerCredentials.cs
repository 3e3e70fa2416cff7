namespace Kvmi.Session.Endpoints;

/// <summary>Who connected to a Unix socket, as the kernel noted it at connect(2) (SO_PEERCRED, unix(7)).</summary>
/// <param name="Process">Process id; 0 when the peer lives in a PID namespace that is not visible here.</param>
/// <param name="User">Effective user.</param>
/// <param name="Group">Effective group.</param>
internal readonly record struct PeerCredentials(int Process, uint User, uint Group);
