namespace Kvmi.Protocol.Dialects;

/// <summary>Result of reading a message whose length is known.</summary>
public enum DecodeStatus
{
    /// <summary>Read.</summary>
    Ok = 0,

    /// <summary>Fewer bytes than the message's structure needs.</summary>
    TooShort = 1,

    /// <summary>More bytes than the dialect accepts.</summary>
    TooLong = 2,

    /// <summary>An id that the dialect does not define.</summary>
    UnknownId = 3,

    /// <summary>A field holds a number that the dialect forbids there.</summary>
    InvalidField = 4,
}
