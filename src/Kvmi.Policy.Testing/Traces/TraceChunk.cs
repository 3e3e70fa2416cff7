namespace Kvmi.Policy.Testing.Traces;

/// <summary>Where a chunk of a trace is, and which records it holds.</summary>
/// <param name="Offset">Bytes from the start of the file.</param>
/// <param name="FirstRecord">Number of its first record.</param>
/// <param name="FirstEvent">Number that the first event in it has, if there is one.</param>
/// <param name="FirstTime">Time of its first record in nanoseconds.</param>
/// <param name="Records">Number of records.</param>
public readonly record struct TraceChunk(long Offset, long FirstRecord, long FirstEvent, long FirstTime, int Records);
