using System.Buffers.Binary;
using Kvmi.Protocol.Commands;

namespace Kvmi.Protocol.Ioctls;

/// <summary>
/// Argument of KVM_INTRO_MEM_MAP on the device <c>/dev/kvmmem</c> in the guest of the tool: 48 bytes (rfc-v5 6.3, vector I2).
/// </summary>
/// <param name="Token">What GET_MAP_TOKEN gave; usable once.</param>
/// <param name="Gpa">Page of the introspected VM.</param>
/// <param name="Gva">Page of the calling process that is to show it.</param>
public readonly record struct GuestMapArgument(MapToken Token, ulong Gpa, ulong Gva)
{
    /// <summary>Bytes of the argument.</summary>
    public const int Length = 48;

    /// <summary>Bytes of a token.</summary>
    public const int TokenLength = 32;

    /// <summary>Number of KVM_INTRO_MEM_MAP; its argument is a pointer to this structure.</summary>
    public const uint Map = 0x4030_6901;

    /// <summary>Number of KVM_INTRO_MEM_UNMAP; its argument is the virtual address itself, no pointer.</summary>
    public const uint Unmap = 0x4008_6902;

    /// <summary>Writes the argument.</summary>
    /// <param name="destination">At least <see cref="Length"/> bytes.</param>
    /// <exception cref="ArgumentException">The destination is too small.</exception>
    public void Write(Span<byte> destination)
    {
        IoctlArgument.Demand(destination, Length);
        WriteToken(destination, Token);
        BinaryPrimitives.WriteUInt64LittleEndian(destination[TokenLength..], Gpa);
        BinaryPrimitives.WriteUInt64LittleEndian(destination[(TokenLength + 8)..], Gva);
    }

    /// <summary>Reads the argument.</summary>
    /// <returns>False when there are fewer than <see cref="Length"/> bytes.</returns>
    public static bool TryRead(ReadOnlySpan<byte> source, out GuestMapArgument argument)
    {
        argument = default;
        if (source.Length < Length)
        {
            return false;
        }

        argument = new GuestMapArgument(
            ReadToken(source),
            BinaryPrimitives.ReadUInt64LittleEndian(source[TokenLength..]),
            BinaryPrimitives.ReadUInt64LittleEndian(source[(TokenLength + 8)..]));
        return true;
    }

    /// <summary>Reads a token from guest memory.</summary>
    /// <param name="source">At least <see cref="TokenLength"/> bytes.</param>
    /// <exception cref="ArgumentException">The source is too small.</exception>
    public static MapToken ReadToken(ReadOnlySpan<byte> source)
    {
        IoctlArgument.Demand(source, TokenLength);
        return new MapToken(
            BinaryPrimitives.ReadUInt64LittleEndian(source),
            BinaryPrimitives.ReadUInt64LittleEndian(source[8..]),
            BinaryPrimitives.ReadUInt64LittleEndian(source[16..]),
            BinaryPrimitives.ReadUInt64LittleEndian(source[24..]));
    }

    /// <summary>Writes a token as it lies in memory.</summary>
    /// <param name="destination">At least <see cref="TokenLength"/> bytes.</param>
    /// <param name="token">The token.</param>
    /// <exception cref="ArgumentException">The destination is too small.</exception>
    public static void WriteToken(Span<byte> destination, MapToken token)
    {
        IoctlArgument.Demand(destination, TokenLength);
        BinaryPrimitives.WriteUInt64LittleEndian(destination, token.Word0);
        BinaryPrimitives.WriteUInt64LittleEndian(destination[8..], token.Word1);
        BinaryPrimitives.WriteUInt64LittleEndian(destination[16..], token.Word2);
        BinaryPrimitives.WriteUInt64LittleEndian(destination[24..], token.Word3);
    }
}
