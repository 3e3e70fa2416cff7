namespace Kvmi.Policy.Testing.Traces.Records;

/// <summary>Guest memory that was read or written: a page or a part of one, stored once however often it occurs.</summary>
public sealed record TraceContents : TraceRecord
{
    /// <summary>Number by which messages refer to it.</summary>
    public required uint Id { get; init; }

    /// <summary>Bytes of memory, whether kept or not.</summary>
    public required int Length { get; init; }

    /// <summary>The bytes; null when they were not recorded, or redacted.</summary>
    public byte[]? Bytes { get; init; }

    /// <summary>SHA-256 of the bytes; empty when not even that was kept.</summary>
    public ReadOnlyMemory<byte> Hash { get; init; }
}
