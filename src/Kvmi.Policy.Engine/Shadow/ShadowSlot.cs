using Kvmi.Policy.Engine.Decisions;
using Kvmi.Protocol.Events;

namespace Kvmi.Policy.Engine.Shadow;

/// <summary>A copy of one event and of how it was decided, on the way from the VM's thread to the shadow's.</summary>
internal sealed class ShadowSlot
{
    private byte[] _message = new byte[1024];
    private int _length;

    public ReadOnlySpan<byte> Message => _message.AsSpan(0, _length);

    public ShadowVote Live { get; private set; }

    /// <summary>Takes the copy. Allocates only when a message is larger than any before.</summary>
    public void Fill(in EventFrame frame, EventOutcome outcome)
    {
        if (frame.Message.Length > _message.Length)
        {
            _message = new byte[frame.Message.Length];
        }

        frame.Message.CopyTo(_message);
        _length = frame.Message.Length;
        Live = ShadowVote.Of(outcome);
    }
}
