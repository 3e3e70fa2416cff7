using System.Numerics;

namespace Kvmi.Policy.Engine.Output;

/// <summary>
/// A bounded queue of preallocated slots between the VMs' threads and the output thread: many writers, one reader. Writers
/// never wait: when the ring is full the line is counted as lost.
/// </summary>
internal sealed class OutputRing
{
    private readonly OutputSlot[] _slots;
    private readonly long _mask;
    private long _head;
    private long _tail;
    private long _lost;

    public OutputRing(int capacity)
    {
        var size = (int)BitOperations.RoundUpToPowerOf2((uint)Math.Clamp(capacity, 2, 1 << 20));
        _slots = new OutputSlot[size];
        _mask = size - 1;
        for (var i = 0; i < size; i++)
        {
            _slots[i] = new OutputSlot { Turn = i };
        }
    }

    /// <summary>Lines that found the ring full.</summary>
    public long Lost => Volatile.Read(ref _lost);

    /// <summary>Lines that writers have claimed so far.</summary>
    public long Claimed => Volatile.Read(ref _tail);

    /// <summary>Lines that the reader has given back so far.</summary>
    public long Taken => Volatile.Read(ref _head);

    /// <summary>Claims a slot for writing; null when the ring is full.</summary>
    /// <param name="ticket">Handed to <see cref="Publish"/> when the slot is filled.</param>
    public OutputSlot? TryClaim(out long ticket)
    {
        // Each slot carries the number of the ticket that may use it next; ticket + 1 means "filled, the reader's turn".
        while (true)
        {
            ticket = Volatile.Read(ref _tail);
            var slot = _slots[ticket & _mask];
            var turn = Volatile.Read(ref slot.Turn);
            if (turn == ticket)
            {
                if (Interlocked.CompareExchange(ref _tail, ticket + 1, ticket) == ticket)
                {
                    return slot;
                }
            }
            else if (turn < ticket)
            {
                Interlocked.Increment(ref _lost);
                return null;
            }
        }
    }

    /// <summary>Counts a line as lost that was not offered a slot.</summary>
    public void Refuse() => Interlocked.Increment(ref _lost);

    /// <summary>Hands a filled slot to the reader.</summary>
    public static void Publish(OutputSlot slot, long ticket) => Volatile.Write(ref slot.Turn, ticket + 1);

    /// <summary>The next filled slot; null when there is none. For the one reader.</summary>
    public OutputSlot? Peek()
    {
        var slot = _slots[_head & _mask];
        return Volatile.Read(ref slot.Turn) == _head + 1 ? slot : null;
    }

    /// <summary>Gives the slot of the last <see cref="Peek"/> back to the writers.</summary>
    public void Release(OutputSlot slot)
    {
        var head = _head;
        Volatile.Write(ref slot.Turn, head + _mask + 1);
        Volatile.Write(ref _head, head + 1);
    }
}
