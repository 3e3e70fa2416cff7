using System.Buffers.Binary;
using System.Text;
using Kvmi.Policy.Engine.Output;

namespace Kvmi.Policy.Engine.Containment.Worker.Lane;

/// <summary>Writes a message of a lane. What is longer than the lane is an error of the caller, who has bounded it before.</summary>
internal ref struct LaneWriter
{
    private readonly Span<byte> _target;

    public LaneWriter(Span<byte> target) => _target = target;

    /// <summary>Bytes so far.</summary>
    public int Length { get; private set; }

    public void Begin(LaneCode code, uint sequence)
    {
        Length = 0;
        U8((byte)code);
        U32(sequence);
    }

    public void U8(byte value) => Take(1)[0] = value;

    public void U16(ushort value) => BinaryPrimitives.WriteUInt16LittleEndian(Take(2), value);

    public void U32(uint value) => BinaryPrimitives.WriteUInt32LittleEndian(Take(4), value);

    public void U64(ulong value) => BinaryPrimitives.WriteUInt64LittleEndian(Take(8), value);

    /// <summary>Writes a length and the bytes.</summary>
    public void Bytes(ReadOnlySpan<byte> bytes) => bytes.CopyTo(Reserve(bytes.Length));

    /// <summary>Writes a length and leaves room for the bytes.</summary>
    public Span<byte> Reserve(int length)
    {
        U32((uint)length);
        return Take(length);
    }

    /// <summary>Writes a text of at most <paramref name="limit"/> characters; the rest is left out.</summary>
    public void Text(string text, int limit)
    {
        var part = text.AsSpan(0, Math.Min(text.Length, limit));
        Encoding.UTF8.GetBytes(part, Reserve(Encoding.UTF8.GetByteCount(part)));
    }

    /// <summary>Writes one field of an alert; its value is plain already.</summary>
    public void Field(in OutputField field)
    {
        Text(field.Name, LaneReader.MaxFieldName);
        switch (field.Value)
        {
            case null:
                U8(0);
                break;
            case bool value:
                U8(1);
                U8(value ? (byte)1 : (byte)0);
                break;
            case long value:
                U8(2);
                U64((ulong)value);
                break;
            case ulong value:
                U8(3);
                U64(value);
                break;
            case double value:
                U8(4);
                U64(BitConverter.DoubleToUInt64Bits(value));
                break;
            case byte[] value:
                U8(5);
                Bytes(value.AsSpan(0, Math.Min(value.Length, LaneReader.MaxFieldBytes)));
                break;
            default:
                U8(6);
                Text(field.Value.ToString() ?? "", LaneReader.MaxFieldText);
                break;
        }
    }

    private Span<byte> Take(int length)
    {
        var taken = _target.Slice(Length, length);
        Length += length;
        return taken;
    }
}
