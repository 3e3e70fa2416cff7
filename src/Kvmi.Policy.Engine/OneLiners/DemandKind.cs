namespace Kvmi.Policy.Engine.OneLiners;

/// <summary>How a field of an event must be.</summary>
internal enum DemandKind
{
    /// <summary>This number.</summary>
    Equal,

    /// <summary>Another number.</summary>
    NotEqual,

    /// <summary>This number or a higher one.</summary>
    AtLeast,

    /// <summary>This number or a lower one.</summary>
    AtMost,

    /// <summary>One of the bits goes from 1 to 0.</summary>
    ClearsBit,

    /// <summary>One of the bits goes from 0 to 1.</summary>
    SetsBit,

    /// <summary>One of the bits changes.</summary>
    ChangesBit,

    /// <summary>The value changes.</summary>
    Changes,

    /// <summary>Something that cannot be said so simply.</summary>
    Unknown,
}
