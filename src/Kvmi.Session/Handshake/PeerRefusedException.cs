namespace Kvmi.Session.Handshake;

/// <summary>A peer is not taken in; the message says why. The session closes it with one warning.</summary>
internal sealed class PeerRefusedException : Exception
{
    public PeerRefusedException(string message)
        : base(message)
    {
    }
}
