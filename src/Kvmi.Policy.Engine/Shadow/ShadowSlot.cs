using Kvmi.Guest.Memory;
using Kvmi.Policy.Engine.Decisions;
using Kvmi.Protocol.Events;

namespace Kvmi.Policy.Engine.Shadow;

/// <summary>
/// A copy of one event, of how it was decided and of the guest memory that was read for it, on the way from the VM's thread to the shadow's.
/// </summary>
internal sealed class ShadowSlot
{
    // 16 KiB: four whole pages, or the tables of several walks.
    private const int MostGranules = 32;

    private readonly ulong[] _gpas = new ulong[MostGranules];
    private readonly byte[] _bytes = new byte[MostGranules * PageCache.GranuleSize];
    private byte[] _message = new byte[1024];
    private int _length;
    private int _granules;

    public ReadOnlySpan<byte> Message => _message.AsSpan(0, _length);

    public ShadowVote Live { get; private set; }

    /// <summary>Takes the copy. Allocates only when a message is larger than any before.</summary>
    public void Fill(in EventFrame frame, EventOutcome outcome, PageCache memory)
    {
        if (frame.Message.Length > _message.Length)
        {
            _message = new byte[frame.Message.Length];
        }

        frame.Message.CopyTo(_message);
        _length = frame.Message.Length;
        Live = ShadowVote.Of(outcome);
        _granules = memory.CopyTo(_gpas, _bytes);
    }

    /// <summary>Reads what the live policies had read.</summary>
    /// <returns>False when they had not read all of it.</returns>
    public bool TryRead(ulong gpa, Span<byte> destination)
    {
        while (!destination.IsEmpty)
        {
            var offset = (int)(gpa % PageCache.GranuleSize);
            var index = Array.IndexOf(_gpas, gpa - (ulong)offset, 0, _granules);
            if (index < 0)
            {
                return false;
            }

            var length = Math.Min(destination.Length, PageCache.GranuleSize - offset);
            _bytes.AsSpan((index * PageCache.GranuleSize) + offset, length).CopyTo(destination);
            destination = destination[length..];
            gpa += (ulong)length;
        }

        return true;
    }
}
