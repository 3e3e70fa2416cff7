using Kvmi.Session.Detection;
using Kvmi.Session.Vm;

namespace Kvmi.Session.Peers;

/// <summary>What all peers of a server share.</summary>
/// <param name="Options">The server's options.</param>
/// <param name="CookieHash">Hash of the secret; empty when there is none.</param>
/// <param name="Factory">Makes the handlers.</param>
/// <param name="Registry">The peers.</param>
/// <param name="Refusals">Logs who is refused.</param>
/// <param name="FirstIds">Memory of the detection.</param>
/// <param name="Connection">What attached VMs need.</param>
internal sealed record PeerServices(
    KvmiServerOptions Options,
    ReadOnlyMemory<byte> CookieHash,
    IVmHandlerFactory Factory,
    PeerRegistry Registry,
    RefusalLog Refusals,
    FirstIdMemory FirstIds,
    VmConnectionSettings Connection);
