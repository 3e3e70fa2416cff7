namespace Kvmi.Fuzz;

/// <summary>
/// How many bytes a decoder may allocate for a message. All bounds depend on the bytes that are there, none on a number that a message
/// announces.
/// </summary>
internal static class AllocationBounds
{
    /// <summary>Typed decoders allocate nothing.</summary>
    public const long Typed = 0;

    /// <summary>
    /// Named fields own their data. The most expensive bytes are the numbers of a list: four bytes become a value object; an event has about
    /// two hundred fields.
    /// </summary>
    public static long Named(int messageLength) => (64 * 1024) + (40L * messageLength);

    /// <summary>The records own their data, and an error is a sentence.</summary>
    public static long Handshake(int recordLength) => (16 * 1024) + (16L * recordLength);

    /// <summary>Chunks are read one after the other, and compressed ones can be a thousand times longer than what lies in the file.</summary>
    public static long Trace(int fileLength) => (8 * 1024 * 1024) + (4096L * fileLength);

    /// <summary>Lines, entries and the named fields of their bytes, for each dialect.</summary>
    public static long Capture(int textLength, int dialects) => (1024 * 1024) + (400L * textLength * (dialects + 1));
}
