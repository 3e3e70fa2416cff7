namespace Kvmi.Policy;

/// <summary>One of several runs of guest memory that are read at once. Physical or virtual, as the method says that reads it.</summary>
/// <param name="Address">Where it begins.</param>
/// <param name="Length">Bytes; 0 is allowed.</param>
public readonly record struct GuestRange(ulong Address, int Length);
