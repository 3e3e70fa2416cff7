namespace Kvmi.Protocol.Layouts;

/// <summary>How the bytes of a field are read.</summary>
internal enum FieldKind
{
    U8,
    U16,
    U32,
    U64,
    S32,
    S64,

    /// <summary>Zero from an honest peer; only seen when it is not.</summary>
    Padding,

    /// <summary>A fixed number of bytes.</summary>
    Bytes,

    /// <summary>Sixteen bytes in the order of a UUID's printed form.</summary>
    Uuid,

    /// <summary>NUL-terminated text in a field of fixed length.</summary>
    Text,

    /// <summary>Nested fields of fixed length.</summary>
    Structure,

    /// <summary>As many elements as an earlier field says.</summary>
    Entries,

    /// <summary>All the rest.</summary>
    Tail,
}
