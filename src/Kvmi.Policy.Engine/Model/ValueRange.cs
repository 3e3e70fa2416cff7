namespace Kvmi.Policy.Engine.Model;

/// <summary>A range of 64-bit numbers, both ends included.</summary>
/// <param name="First">First number.</param>
/// <param name="Last">Last number, not below <paramref name="First"/>.</param>
public readonly record struct ValueRange(ulong First, ulong Last)
{
    /// <summary>Is the number inside?</summary>
    public bool Contains(ulong value) => value >= First && value <= Last;
}
