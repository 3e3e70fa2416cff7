namespace Kvmi.Protocol.Layouts;

/// <summary>One field of a message layout.</summary>
/// <param name="Name">Name in the protocol documents; empty for padding.</param>
/// <param name="Kind">How it is read.</param>
/// <param name="Length">Bytes; of one element for entries, 0 for a tail.</param>
internal sealed record FieldLayout(string Name, FieldKind Kind, int Length)
{
    /// <summary>The nested fields of a structure, or of one element of entries; null for entries that are plain numbers.</summary>
    public FieldLayout[]? Nested { get; init; }

    /// <summary>The field that counts the entries.</summary>
    public string CountField { get; init; } = "";

    /// <summary>Of a field of variable length: the most bytes that the documents allow; only the message's own limit where they name none.</summary>
    public int Limit { get; init; } = int.MaxValue;

    /// <summary>True for fields whose length the layout itself gives.</summary>
    public bool IsFixed => Kind is not (FieldKind.Entries or FieldKind.Tail);

    /// <summary>Bytes of the fixed fields of a layout.</summary>
    public static int FixedLength(FieldLayout[] fields) => fields.Where(field => field.IsFixed).Sum(field => field.Length);
}
