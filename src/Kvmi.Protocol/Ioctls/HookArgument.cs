using System.Buffers.Binary;

namespace Kvmi.Protocol.Ioctls;

/// <summary>Argument of HOOK in every series but rfc-v5: 24 bytes (kvmi-later-dialects.md 2.7).</summary>
/// <param name="Descriptor">Descriptor of the connected stream socket.</param>
/// <param name="Uuid">UUID of the VM, for the kernel's log lines.</param>
/// <param name="Pad">Must be zero: the kernel answers EINVAL otherwise.</param>
public readonly record struct HookArgument(int Descriptor, Guid Uuid, uint Pad = 0)
{
    /// <summary>Bytes of the argument.</summary>
    public const int Length = 24;

    private const int UuidOffset = 8;

    /// <summary>Writes the argument.</summary>
    /// <param name="destination">At least <see cref="Length"/> bytes.</param>
    /// <exception cref="ArgumentException">The destination is too small.</exception>
    public void Write(Span<byte> destination)
    {
        IoctlArgument.Demand(destination, Length);
        BinaryPrimitives.WriteInt32LittleEndian(destination, Descriptor);
        BinaryPrimitives.WriteUInt32LittleEndian(destination[4..], Pad);
        Uuid.TryWriteBytes(destination[UuidOffset..], bigEndian: true, out _);
    }

    /// <summary>Reads the argument.</summary>
    /// <returns>False when there are fewer than <see cref="Length"/> bytes.</returns>
    public static bool TryRead(ReadOnlySpan<byte> source, out HookArgument argument)
    {
        argument = default;
        if (source.Length < Length)
        {
            return false;
        }

        argument = new HookArgument(
            BinaryPrimitives.ReadInt32LittleEndian(source),
            new Guid(source.Slice(UuidOffset, 16), bigEndian: true),
            BinaryPrimitives.ReadUInt32LittleEndian(source[4..]));
        return true;
    }
}
