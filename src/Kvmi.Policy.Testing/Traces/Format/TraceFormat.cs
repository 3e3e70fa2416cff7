using System.Buffers.Binary;
using System.Numerics;
using Kvmi.Protocol;

namespace Kvmi.Policy.Testing.Traces.Format;

/// <summary>Numbers of the trace format, version 1 (trace-format.md). All integers in a file are little-endian.</summary>
internal static class TraceFormat
{
    public const int HeaderLength = 32;
    public const int ChunkHeaderLength = 48;
    public const int RecordHeaderLength = 20;
    public const int IndexEntryLength = 40;
    public const int TrailerLength = 16;

    /// <summary>A writer closes a chunk when its records are longer than this.</summary>
    public const int ChunkTarget = 64 << 10;

    /// <summary>Largest record body: the largest message with what stands in front of it, rounded up.</summary>
    public const int MaxBody = 128 << 10;

    /// <summary>Longest records of one chunk before compression.</summary>
    public const int MaxChunk = ChunkTarget + RecordHeaderLength + MaxBody;

    /// <summary>Longest index: room for 1.6 million chunks.</summary>
    public const int MaxIndex = 64 << 20;

    /// <summary>Largest message of a trace.</summary>
    public const int MaxMessage = MessageHeader.Length + ushort.MaxValue;

    public const int HashLength = 32;
    public const uint ChunkMagic = 0x4843_564b;
    public const uint TrailerMagic = 0x4e45_564b;
    public const byte RecordsChunk = 1;
    public const byte IndexChunk = 2;
    public const byte NotCompressed = 0;
    public const byte ZLib = 1;

    // The last byte is the version of the format.
    public static ReadOnlySpan<byte> Magic => "KVMITRC\u0001"u8;

    /// <summary>CRC-32C (Castagnoli) over two spans, one behind the other.</summary>
    public static uint Checksum(ReadOnlySpan<byte> first, ReadOnlySpan<byte> second = default) => ~Add(Add(uint.MaxValue, first), second);

    private static uint Add(uint crc, ReadOnlySpan<byte> bytes)
    {
        while (bytes.Length >= 8)
        {
            crc = BitOperations.Crc32C(crc, BinaryPrimitives.ReadUInt64LittleEndian(bytes));
            bytes = bytes[8..];
        }

        foreach (var value in bytes)
        {
            crc = BitOperations.Crc32C(crc, value);
        }

        return crc;
    }
}
