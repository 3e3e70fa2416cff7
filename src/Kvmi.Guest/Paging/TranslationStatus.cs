namespace Kvmi.Guest.Paging;

/// <summary>How a page-table walk ended.</summary>
public enum TranslationStatus
{
    /// <summary>The address is mapped.</summary>
    Mapped,

    /// <summary>An entry on the way is not present.</summary>
    NotPresent,

    /// <summary>The address is not canonical for the paging mode, or does not fit it.</summary>
    NotCanonical,

    /// <summary>An entry lies where guest memory cannot be read.</summary>
    Unreadable,

    /// <summary>A large-page entry where the paging mode has none: the processor would raise a reserved-bit fault.</summary>
    Malformed,
}
