namespace Kvmi.Kvm.Descriptors;

/// <summary>Who is at the other end of a Unix socket, as the kernel recorded it when the connection was made (SO_PEERCRED).</summary>
/// <param name="Process">Process id.</param>
/// <param name="User">Effective user id.</param>
/// <param name="Group">Effective group id.</param>
public readonly record struct PeerCredentials(int Process, uint User, uint Group);
