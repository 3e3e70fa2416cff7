using System.Buffers.Binary;
using System.Globalization;
using System.Text;

namespace Kvmi.Protocol.Layouts;

/// <summary>Turns bytes into named fields by a layout. Takes any bytes; the output is bounded by the input.</summary>
internal static class FieldReader
{
    public const string Trailing = "trailing";
    public const string Truncated = "truncated";
    public const string Payload = "payload";

    /// <summary>Reads the fields of a layout from <paramref name="offset"/> on.</summary>
    /// <param name="source">The payload (or structure) as a whole; padding is named by its offset here.</param>
    /// <param name="offset">Where to begin; afterwards the first byte that was not read.</param>
    /// <param name="layout">What to read.</param>
    /// <param name="fields">Takes the fields.</param>
    /// <returns>False when the source ended first; what there was of the cut field is then a field of its own.</returns>
    public static bool Read(ReadOnlySpan<byte> source, ref int offset, FieldLayout[] layout, List<DecodedField> fields)
    {
        foreach (var field in layout)
        {
            var rest = source[offset..];
            if (field.IsFixed && rest.Length < field.Length)
            {
                if (field.Kind == FieldKind.Padding)
                {
                    AddPadding(rest, offset, fields);
                }
                else if (!rest.IsEmpty)
                {
                    fields.Add(new DecodedField(Truncated, FieldValue.Bytes(rest.ToArray())));
                }

                offset = source.Length;
                return false;
            }

            switch (field.Kind)
            {
                case FieldKind.Padding:
                    AddPadding(rest[..field.Length], offset, fields);
                    offset += field.Length;
                    break;
                case FieldKind.Entries:
                    fields.Add(new DecodedField(field.Name, ReadEntries(rest, field, Count(fields, field.CountField), out var used)));
                    offset += used;
                    break;
                case FieldKind.Tail:
                    if (!rest.IsEmpty)
                    {
                        fields.Add(new DecodedField(field.Name, FieldValue.Bytes(rest.ToArray())));
                    }

                    offset = source.Length;
                    break;
                default:
                    fields.Add(new DecodedField(field.Name, ReadValue(rest[..field.Length], field)));
                    offset += field.Length;
                    break;
            }
        }

        return true;
    }

    /// <summary>Adds what is left of the source as the trailing field.</summary>
    public static void ReadTrailing(ReadOnlySpan<byte> source, int offset, List<DecodedField> fields)
    {
        if (offset < source.Length)
        {
            fields.Add(new DecodedField(Trailing, FieldValue.Bytes(source[offset..].ToArray())));
        }
    }

    public static string PaddingName(int offset) => string.Create(CultureInfo.InvariantCulture, $"padding@{offset}");

    private static void AddPadding(ReadOnlySpan<byte> padding, int offset, List<DecodedField> fields)
    {
        if (padding.ContainsAnyExcept((byte)0))
        {
            fields.Add(new DecodedField(PaddingName(offset), FieldValue.Bytes(padding.ToArray())));
        }
    }

    private static FieldValue ReadValue(ReadOnlySpan<byte> bytes, FieldLayout field) => field.Kind switch
    {
        FieldKind.U8 => FieldValue.Unsigned(bytes[0]),
        FieldKind.U16 => FieldValue.Unsigned(BinaryPrimitives.ReadUInt16LittleEndian(bytes)),
        FieldKind.U32 => FieldValue.Unsigned(BinaryPrimitives.ReadUInt32LittleEndian(bytes)),
        FieldKind.U64 => FieldValue.Unsigned(BinaryPrimitives.ReadUInt64LittleEndian(bytes)),
        FieldKind.S32 => FieldValue.Signed(BinaryPrimitives.ReadInt32LittleEndian(bytes)),
        FieldKind.S64 => FieldValue.Signed(BinaryPrimitives.ReadInt64LittleEndian(bytes)),
        FieldKind.Uuid => FieldValue.String(new Guid(bytes, bigEndian: true).ToString("D")),
        FieldKind.Text => ReadText(bytes),
        FieldKind.Structure => ReadStructure(bytes, field.Nested ?? []),
        _ => FieldValue.Bytes(bytes.ToArray()),
    };

    private static FieldValue ReadStructure(ReadOnlySpan<byte> bytes, FieldLayout[] layout)
    {
        var fields = new List<DecodedField>(layout.Length);
        var offset = 0;
        Read(bytes, ref offset, layout, fields);
        return FieldValue.Structure(fields);
    }

    // Text only when the text alone brings the bytes back; a name that needs an escape stays bytes.
    private static FieldValue ReadText(ReadOnlySpan<byte> bytes)
    {
        var end = bytes.IndexOf((byte)0);
        if (end < 0 || bytes[end..].ContainsAnyExcept((byte)0))
        {
            return FieldValue.Bytes(bytes.ToArray());
        }

        var text = Handshake.EscapedText.FromUtf8(bytes[..end]);
        return Encoding.UTF8.GetByteCount(text) == end && Encoding.UTF8.GetBytes(text).AsSpan().SequenceEqual(bytes[..end])
            ? FieldValue.String(text)
            : FieldValue.Bytes(bytes.ToArray());
    }

    private static FieldValue ReadEntries(ReadOnlySpan<byte> rest, FieldLayout field, ulong count, out int used)
    {
        // The count is the peer's; the bytes that are there are the bound.
        var number = (int)Math.Min(count, (ulong)(rest.Length / field.Length));
        var items = new List<FieldValue>(number);
        for (var i = 0; i < number; i++)
        {
            var element = rest.Slice(i * field.Length, field.Length);
            items.Add(field.Nested is null
                ? FieldValue.Unsigned(BinaryPrimitives.ReadUInt32LittleEndian(element))
                : ReadStructure(element, field.Nested));
        }

        used = number * field.Length;
        return FieldValue.List(items);
    }

    private static ulong Count(List<DecodedField> fields, string name) =>
        fields.FindLast(field => field.Name == name)?.Value.Number ?? 0;
}
