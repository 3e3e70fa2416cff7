namespace Kvmi.Protocol.Layouts;

/// <summary>What a decoded field holds.</summary>
public enum FieldValueKind
{
    /// <summary>An unsigned number of 1, 2, 4 or 8 bytes.</summary>
    Unsigned,

    /// <summary>A signed number of 4 or 8 bytes.</summary>
    Signed,

    /// <summary>Raw bytes.</summary>
    Bytes,

    /// <summary>Text: a UUID in its printed form, or a name without anything that needs an escape.</summary>
    Text,

    /// <summary>Named fields: registers, a segment, the feature bytes.</summary>
    Structure,

    /// <summary>Entries, each a number or a structure.</summary>
    List,
}
