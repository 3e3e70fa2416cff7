using System.Buffers.Binary;
using System.Text;
using Kvmi.Policy.Engine.Output;

namespace Kvmi.Policy.Engine.Containment.Worker.Lane;

/// <summary>
/// Reads a message of a lane, which may be anything: what is not there reads as zero and makes the message
/// <see cref="IsBroken"/>. Nothing is allocated but what the message holds.
/// </summary>
internal ref struct LaneReader
{
    public const int MaxFields = 32;
    public const int MaxFieldName = 128;
    public const int MaxFieldBytes = 256;
    public const int MaxFieldText = 1024;

    private readonly ReadOnlySpan<byte> _message;
    private int _at;

    public LaneReader(ReadOnlySpan<byte> message) => _message = message;

    /// <summary>Something was missing or impossible.</summary>
    public bool IsBroken { get; private set; }

    /// <summary>Everything was read, and nothing was wrong.</summary>
    public readonly bool IsWhole => !IsBroken && _at == _message.Length;

    public byte U8() => Take(1) is [var value] ? value : (byte)0;

    public ushort U16() => Take(2) is { Length: 2 } bytes ? BinaryPrimitives.ReadUInt16LittleEndian(bytes) : (ushort)0;

    public uint U32() => Take(4) is { Length: 4 } bytes ? BinaryPrimitives.ReadUInt32LittleEndian(bytes) : 0;

    public ulong U64() => Take(8) is { Length: 8 } bytes ? BinaryPrimitives.ReadUInt64LittleEndian(bytes) : 0;

    /// <summary>Reads a length and as many bytes, at most <paramref name="limit"/>.</summary>
    public ReadOnlySpan<byte> Bytes(int limit)
    {
        var length = U32();
        if (length > (uint)limit)
        {
            IsBroken = true;
            return [];
        }

        return Take((int)length);
    }

    /// <summary>Reads a text of at most <paramref name="limit"/> characters; bytes that are no UTF-8 become replacement characters.</summary>
    public string Text(int limit)
    {
        var text = Encoding.UTF8.GetString(Bytes(4 * limit));
        return text.Length <= limit ? text : text[..limit];
    }

    /// <summary>Reads the fields of an alert.</summary>
    public OutputField[] Fields()
    {
        var count = U8();
        if (count > MaxFields)
        {
            IsBroken = true;
            return [];
        }

        var fields = new OutputField[count];
        for (var i = 0; i < count && !IsBroken; i++)
        {
            fields[i] = new OutputField(Text(MaxFieldName), FieldValue());
        }

        return IsBroken ? [] : fields;
    }

    private object? FieldValue()
    {
        switch (U8())
        {
            case 0:
                return null;
            case 1:
                return U8() != 0;
            case 2:
                return (long)U64();
            case 3:
                return U64();
            case 4:
                return BitConverter.UInt64BitsToDouble(U64());
            case 5:
                return Bytes(MaxFieldBytes).ToArray();
            case 6:
                return Text(MaxFieldText);
            default:
                IsBroken = true;
                return null;
        }
    }

    private ReadOnlySpan<byte> Take(int length)
    {
        if (IsBroken || length > _message.Length - _at)
        {
            IsBroken = true;
            return [];
        }

        var taken = _message.Slice(_at, length);
        _at += length;
        return taken;
    }
}
