namespace Kvmi.Protocol;

/// <summary>
/// The wire dialects in use. Every one of them reports version 1, so only the shape of the first exchange tells
/// them apart (kvmi-later-dialects.md 1.1 and 1.7).
/// </summary>
public enum KvmiDialect
{
    /// <summary>Mailing-list series RFC v5, December 2018 ("A" in kvmi-later-dialects.md).</summary>
    RfcV5 = 1,

    /// <summary>The community kernel branch kvmi-v7, QEMU, libkvmi and LibVMI ("B2").</summary>
    V7 = 2,

    /// <summary>Mailing-list series v10 and v11 ("D1").</summary>
    V11 = 3,

    /// <summary>Mailing-list series v12 ("D2").</summary>
    V12 = 4,
}
