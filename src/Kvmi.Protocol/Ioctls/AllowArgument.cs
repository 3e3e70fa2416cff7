using System.Buffers.Binary;

namespace Kvmi.Protocol.Ioctls;

/// <summary>Argument of COMMAND and EVENT: 8 bytes (kvmi-later-dialects.md 2.7).</summary>
/// <param name="Allow">1 allows, 0 forbids; the kernel answers EINVAL to anything else.</param>
/// <param name="Id">Wire id of the command or event, or <see cref="All"/>.</param>
public readonly record struct AllowArgument(uint Allow, int Id)
{
    /// <summary>Bytes of the argument.</summary>
    public const int Length = 8;

    /// <summary>The id that stands for every command or every event.</summary>
    public const int All = -1;

    /// <summary>Writes the argument.</summary>
    /// <param name="destination">At least <see cref="Length"/> bytes.</param>
    /// <exception cref="ArgumentException">The destination is too small.</exception>
    public void Write(Span<byte> destination)
    {
        IoctlArgument.Demand(destination, Length);
        BinaryPrimitives.WriteUInt32LittleEndian(destination, Allow);
        BinaryPrimitives.WriteInt32LittleEndian(destination[4..], Id);
    }

    /// <summary>Reads the argument.</summary>
    /// <returns>False when there are fewer than <see cref="Length"/> bytes.</returns>
    public static bool TryRead(ReadOnlySpan<byte> source, out AllowArgument argument)
    {
        argument = default;
        if (source.Length < Length)
        {
            return false;
        }

        argument = new AllowArgument(BinaryPrimitives.ReadUInt32LittleEndian(source), BinaryPrimitives.ReadInt32LittleEndian(source[4..]));
        return true;
    }
}
