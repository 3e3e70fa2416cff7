using Kvmi.Protocol.Events;

namespace Kvmi.Session.Vm;

/// <summary>
/// What decides about the events of one VM. Every member is called on the VM's owner thread, never concurrently.
/// </summary>
public interface IVmHandler
{
    /// <summary>The VM is attached; commands work. Called before the first event is delivered.</summary>
    void Attached();

    /// <summary>
    /// Decides about one event that expects a reply. The frame is valid until this returns, also while commands are sent.
    /// An exception (other than a lost connection) is logged and the event answered as <paramref name="reply"/> stands.
    /// </summary>
    /// <param name="frame">The event.</param>
    /// <param name="reply">Comes in as "continue, with the guest's new value"; what it holds at return is sent.</param>
    void OnEvent(in EventFrame frame, ref EventReply reply);

    /// <summary>An event without a reply other than UNHOOK (CMD_ERROR).</summary>
    void OnNotification(in EventFrame frame);

    /// <summary>Called between events at least every 100 ms, also when the guest is silent: the place to apply a reload.</summary>
    void Idle();

    /// <summary>The VM goes away. For Stopping and Unhook the handler gives back here what it took; commands still work.</summary>
    void Detaching(DetachReason reason);
}
