using Kvmi.Session.Vm;

namespace Kvmi.Session.Taps;

/// <summary>
/// Looks on at one conversation. <see cref="Received"/> and <see cref="Sent"/> are called where a vCPU waits: they must copy what they want,
/// and neither wait, allocate nor throw. As a rule the connection's owner thread calls, in a deadline's place the watchdog's, never both at once.
/// </summary>
public interface IConversationTap
{
    /// <summary>A whole message was taken from what the peer sent: the device manager's hello first, then messages with their header.</summary>
    /// <param name="message">Valid during the call.</param>
    void Received(ReadOnlySpan<byte> message);

    /// <summary>A whole message is about to be sent: the answer to the hello first. It leaves with the next flush, together with its neighbours.</summary>
    /// <param name="message">Valid during the call.</param>
    void Sent(ReadOnlySpan<byte> message);

    /// <summary>The peer has become a VM: handshake and detection are over, the handler is made next.</summary>
    void Attached(VmStatus vm);

    /// <summary>The connection is closed; nothing is called after this.</summary>
    /// <param name="reason">Why the VM has gone; null when the peer never became one.</param>
    /// <param name="detail">What exactly was lost or broken; null after an orderly end.</param>
    void Ended(DetachReason? reason, string? detail);
}
