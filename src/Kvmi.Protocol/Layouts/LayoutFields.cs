namespace Kvmi.Protocol.Layouts;

/// <summary>Short names for writing layout tables.</summary>
internal static class LayoutFields
{
    public static FieldLayout[] None { get; } = [];

    public static FieldLayout U8(string name) => new(name, FieldKind.U8, 1);

    public static FieldLayout U16(string name) => new(name, FieldKind.U16, 2);

    public static FieldLayout U32(string name) => new(name, FieldKind.U32, 4);

    public static FieldLayout U64(string name) => new(name, FieldKind.U64, 8);

    public static FieldLayout S32(string name) => new(name, FieldKind.S32, 4);

    public static FieldLayout S64(string name) => new(name, FieldKind.S64, 8);

    public static FieldLayout Pad(int length) => new("", FieldKind.Padding, length);

    public static FieldLayout Bytes(string name, int length) => new(name, FieldKind.Bytes, length);

    public static FieldLayout Uuid(string name) => new(name, FieldKind.Uuid, 16);

    public static FieldLayout Text(string name, int length) => new(name, FieldKind.Text, length);

    public static FieldLayout Tail(string name) => new(name, FieldKind.Tail, 0);

    /// <summary>All the rest, of which the documents allow at most so many bytes.</summary>
    public static FieldLayout Tail(string name, int limit) => new(name, FieldKind.Tail, 0) { Limit = limit };

    public static FieldLayout Structure(string name, params FieldLayout[] fields) =>
        new(name, FieldKind.Structure, FieldLayout.FixedLength(fields)) { Nested = fields };

    /// <summary>Structures, as many as the earlier field <paramref name="count"/> says.</summary>
    public static FieldLayout Entries(string name, string count, params FieldLayout[] element) =>
        new(name, FieldKind.Entries, FieldLayout.FixedLength(element)) { Nested = element, CountField = count };

    /// <summary>32-bit numbers, as many as the earlier field <paramref name="count"/> says.</summary>
    public static FieldLayout Numbers(string name, string count) => new(name, FieldKind.Entries, 4) { CountField = count };
}
