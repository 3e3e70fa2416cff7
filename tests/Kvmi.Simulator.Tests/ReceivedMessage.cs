using System.Buffers.Binary;
using Kvmi.Protocol;

namespace Kvmi.Simulator.Tests;

/// <summary>One whole message from the kernel side.</summary>
internal sealed record ReceivedMessage(MessageHeader Header, byte[] Bytes)
{
    public ReadOnlySpan<byte> Payload => Bytes.AsSpan(MessageHeader.Length);

    public bool IsEvent => Header.Id == 1;

    public int Error => BinaryPrimitives.ReadInt32LittleEndian(Payload);

    public EventKind Kind => (EventKind)Payload[4];

    public ushort Vcpu => BinaryPrimitives.ReadUInt16LittleEndian(Payload[2..]);

    public byte[] EventData => Payload[544..].ToArray();
}
