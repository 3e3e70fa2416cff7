using System.Globalization;

namespace Kvmi.Protocol.Layouts;

/// <summary>The value of one decoded field. An accessor of another kind gives zero or nothing.</summary>
public sealed class FieldValue
{
    private FieldValue(FieldValueKind kind) => Kind = kind;

    /// <summary>Which accessor holds the value.</summary>
    public FieldValueKind Kind { get; }

    /// <summary>The number of an unsigned field.</summary>
    public ulong Number { get; private init; }

    /// <summary>The number of a signed field.</summary>
    public long SignedNumber { get; private init; }

    /// <summary>The bytes of a raw field.</summary>
    public ReadOnlyMemory<byte> Data { get; private init; }

    /// <summary>The text of a text field.</summary>
    public string Text { get; private init; } = "";

    /// <summary>The fields of a structure, in wire order.</summary>
    public IReadOnlyList<DecodedField> Fields { get; private init; } = [];

    /// <summary>The entries of a list, in wire order.</summary>
    public IReadOnlyList<FieldValue> Items { get; private init; } = [];

    /// <summary>An unsigned number.</summary>
    public static FieldValue Unsigned(ulong value) => new(FieldValueKind.Unsigned) { Number = value };

    /// <summary>A signed number.</summary>
    public static FieldValue Signed(long value) => new(FieldValueKind.Signed) { SignedNumber = value };

    /// <summary>Raw bytes; the memory is kept, not copied.</summary>
    public static FieldValue Bytes(ReadOnlyMemory<byte> value) => new(FieldValueKind.Bytes) { Data = value };

    /// <summary>Text.</summary>
    public static FieldValue String(string value)
    {
        ArgumentNullException.ThrowIfNull(value);
        return new(FieldValueKind.Text) { Text = value };
    }

    /// <summary>Named fields.</summary>
    public static FieldValue Structure(IReadOnlyList<DecodedField> fields)
    {
        ArgumentNullException.ThrowIfNull(fields);
        return new(FieldValueKind.Structure) { Fields = fields };
    }

    /// <summary>Entries.</summary>
    public static FieldValue List(IReadOnlyList<FieldValue> items)
    {
        ArgumentNullException.ThrowIfNull(items);
        return new(FieldValueKind.List) { Items = items };
    }

    /// <summary>Short text for messages and debuggers.</summary>
    public override string ToString() => Kind switch
    {
        FieldValueKind.Unsigned => string.Create(CultureInfo.InvariantCulture, $"0x{Number:x}"),
        FieldValueKind.Signed => SignedNumber.ToString(CultureInfo.InvariantCulture),
        FieldValueKind.Bytes => Convert.ToHexStringLower(Data.Span),
        FieldValueKind.Text => Text,
        FieldValueKind.Structure => "{" + string.Join(", ", Fields) + "}",
        _ => "[" + string.Join(", ", Items) + "]",
    };
}
