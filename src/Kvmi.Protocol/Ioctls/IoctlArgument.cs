namespace Kvmi.Protocol.Ioctls;

/// <summary>What the ioctl arguments have in common.</summary>
internal static class IoctlArgument
{
    public static void Demand(ReadOnlySpan<byte> destination, int length)
    {
        if (destination.Length < length)
        {
            throw new ArgumentException($"The argument needs {length} bytes, the destination has {destination.Length}.", nameof(destination));
        }
    }
}
