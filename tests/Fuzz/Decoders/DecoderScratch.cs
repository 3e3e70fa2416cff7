using Kvmi.Protocol;
using Kvmi.Protocol.Commands;
using Kvmi.Protocol.Registers;

namespace Kvmi.Fuzz.Decoders;

/// <summary>Buffers that the decoders' checks share, so that checking allocates nothing and every allocation is the decoder's.</summary>
internal sealed class DecoderScratch
{
    private const int MaxEntries = 16384;

    public byte[] Message { get; } = new byte[(2 * ushort.MaxValue) + MessageHeader.Length];

    public uint[] Numbers { get; } = new uint[MaxEntries];

    public ulong[] Addresses { get; } = new ulong[MaxEntries];

    public PageAccessEntry[] Pages { get; } = new PageAccessEntry[MaxEntries];

    public PageWriteBitmapEntry[] Bitmaps { get; } = new PageWriteBitmapEntry[MaxEntries];

    public MsrEntry[] Msrs { get; } = new MsrEntry[MaxEntries];
}
