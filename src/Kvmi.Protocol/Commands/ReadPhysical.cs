namespace Kvmi.Protocol.Commands;

/// <summary>READ_PHYSICAL: bytes inside one guest page.</summary>
/// <param name="Gpa">Guest-physical address.</param>
/// <param name="Size">Bytes, 1 to 4096, not past the end of the page.</param>
public readonly record struct ReadPhysical(ulong Gpa, ulong Size);
