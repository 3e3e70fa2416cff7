namespace Kvmi.Session.Taps;

/// <summary>Looks on at the conversations of a <see cref="KvmiServer"/>: a recorder. Called by the threads of different peers at the same time.</summary>
public interface IConversationTaps
{
    /// <summary>A peer has connected; its first byte has not been read yet.</summary>
    /// <param name="peer">The connection, for messages; the same text as <see cref="Vm.VmIdentity.Peer"/> later.</param>
    /// <returns>Who looks on; null to leave this connection alone.</returns>
    IConversationTap? Open(string peer);
}
