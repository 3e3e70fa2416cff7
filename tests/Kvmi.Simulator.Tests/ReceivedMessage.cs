using System.Buffers.Binary;
using Kvmi.Protocol;
using Kvmi.Protocol.Dialects;
using Kvmi.Protocol.Events;

namespace Kvmi.Simulator.Tests;

/// <summary>One whole message from the kernel side.</summary>
internal sealed record ReceivedMessage(MessageHeader Header, byte[] Bytes, Dialect Codec)
{
    public ReadOnlySpan<byte> Payload => Bytes.AsSpan(MessageHeader.Length);

    public bool IsEvent => Codec.Classify(MessageDirection.KernelToTool, Header.Id) == MessageRole.Event;

    public int Error => BinaryPrimitives.ReadInt32LittleEndian(Payload);

    public EventKind Kind => Frame.Kind;

    public ushort Vcpu => Frame.Vcpu;

    public byte[] EventData => Frame.Data.ToArray();

    private EventFrame Frame
    {
        get
        {
            Assert.Equal(DecodeStatus.Ok, Codec.ReadEvent(Bytes, out var frame));
            return frame;
        }
    }
}
