using Kvmi.Protocol.Events;

namespace Kvmi.Session.Vm;

/// <summary>
/// What decides about the events of one VM. Every member but <see cref="OnDeadline"/> is called on the VM's owner thread, never concurrently.
/// <para>
/// Every call has a deadline: <see cref="KvmiServerOptions.EventTimeout"/> for an event, <see cref="KvmiServerOptions.CallTimeout"/> for the
/// others. When it passes, the event is answered as <see cref="OnDeadline"/> says, and what the handler asks of the VM from then on is refused
/// with <see cref="Deadlines.EventDeadlineException"/>. If it does not return soon after, its thread is given up: another one becomes the
/// owner, calls <see cref="Replaced"/> and goes on, and the old one is refused everything with
/// <see cref="Deadlines.HandlerAbandonedException"/>. An event whose handler is waiting for the answer to a command is answered in time as
/// well; the command is carried out.
/// </para>
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

    /// <summary>
    /// False: the session lends its thread to every member. True: the handler itself lends it, through <see cref="IIntrospectedVm.Custody"/>,
    /// to the code that may hang, and all else in it comes back by itself.
    /// </summary>
    bool LendsThread => false;

    /// <summary>
    /// The deadline of an event has passed: says what answers it. Called on the watchdog's thread while the owner thread is lent or waits for
    /// a command; what the owner wrote before that can be read. Must return at once: no command, no lock, no waiting.
    /// </summary>
    /// <param name="frame">The event.</param>
    /// <param name="reply">Comes in as "continue, with the guest's new value"; what it holds at return is sent.</param>
    void OnDeadline(in EventFrame frame, ref EventReply reply)
    {
    }

    /// <summary>
    /// The calling thread is the owner from now on, in place of one that did not come back from a call; that call, whichever it was, is
    /// not made again. Commands work unless the connection is lost. Called before anything else is delivered.
    /// </summary>
    void Replaced()
    {
    }
}
