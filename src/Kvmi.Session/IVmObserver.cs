using Kvmi.Session.Vm;

namespace Kvmi.Session;

/// <summary>
/// Is told when VMs come and go. Called on the owner thread of the VM, so it must return soon; different VMs call
/// concurrently. An exception is logged and otherwise without effect. A call that has not returned within
/// <see cref="KvmiServerOptions.CallTimeout"/> loses its thread, which counts as abandoned; another one goes on with the VM.
/// </summary>
public interface IVmObserver
{
    /// <summary>Handshake and detection have succeeded; the handler is made next.</summary>
    void Connected(VmStatus vm);

    /// <summary>The VM has gone, and its handler was told.</summary>
    /// <param name="vm">The VM, with its final counters.</param>
    /// <param name="reason">Why.</param>
    /// <param name="detail">What exactly was lost or broken; null after an orderly end.</param>
    void Disconnected(VmStatus vm, DetachReason reason, string? detail);
}
