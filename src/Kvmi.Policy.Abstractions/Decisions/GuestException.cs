namespace Kvmi.Policy;

/// <summary>An exception to deliver to the guest.</summary>
/// <param name="Vector">0 to 31 (Intel SDM volume 3, table 6-1).</param>
/// <param name="ErrorCode">Used by vectors that have one.</param>
/// <param name="Address">CR2, for vector 14.</param>
public readonly record struct GuestException(byte Vector, uint ErrorCode = 0, ulong Address = 0);
