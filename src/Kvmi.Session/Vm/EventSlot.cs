using Kvmi.Protocol;

namespace Kvmi.Session.Vm;

/// <summary>
/// The event that one vCPU waits for, with its own copy of the bytes: they stay valid while commands receive more. Exactly one
/// reply leaves because every reply first claims the slot. The claim names the sequence number, so that another thread that
/// looked at an earlier event cannot claim a later one.
/// </summary>
internal sealed class EventSlot
{
    private const long WaitingBit = 1L << 32;
    private const int UsualEventLength = 1024;
    private byte[] _message = new byte[UsualEventLength];
    private int _length;
    private long _claim;

    /// <summary>vCPU of the event.</summary>
    public ushort Vcpu { get; private set; }

    /// <summary>Sequence number of the event.</summary>
    public uint Sequence { get; private set; }

    /// <summary>Kind of the event.</summary>
    public EventKind Kind { get; private set; }

    /// <summary>True while no reply was claimed.</summary>
    public bool IsWaiting => (Volatile.Read(ref _claim) & WaitingBit) != 0;

    /// <summary>The message, header included.</summary>
    public ReadOnlySpan<byte> Message => _message.AsSpan(0, _length);

    /// <summary>Takes a copy of an event. Allocates only when a message is larger than any before.</summary>
    public void Arm(ReadOnlySpan<byte> message, ushort vcpu, uint sequence, EventKind kind)
    {
        if (message.Length > _message.Length)
        {
            _message = new byte[message.Length];
        }

        message.CopyTo(_message);
        _length = message.Length;
        Vcpu = vcpu;
        Sequence = sequence;
        Kind = kind;
        Volatile.Write(ref _claim, WaitingBit | sequence);
    }

    /// <summary>Takes the right to answer. Any thread; true for exactly one caller for each event.</summary>
    public bool TryClaim(uint sequence) =>
        Interlocked.CompareExchange(ref _claim, sequence, WaitingBit | sequence) == (WaitingBit | sequence);
}
