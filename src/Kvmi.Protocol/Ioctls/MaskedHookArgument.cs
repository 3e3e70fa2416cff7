using System.Buffers.Binary;

namespace Kvmi.Protocol.Ioctls;

/// <summary>Argument of HOOK in rfc-v5, struct kvm_introspection: 32 bytes (rfc-v5 5.1, vector I1).</summary>
/// <param name="Descriptor">Descriptor of the connected stream socket.</param>
/// <param name="Commands">Allowed commands, bit 1 &lt;&lt; id; the kernel as posted ignores it, the document does not (rfc-v5 2.2).</param>
/// <param name="Events">Allowed events, bit 1 &lt;&lt; id; ignored as <paramref name="Commands"/> is.</param>
/// <param name="Uuid">UUID of the VM, for the kernel's log lines.</param>
/// <param name="Pad">Zero; not checked.</param>
public readonly record struct MaskedHookArgument(int Descriptor, uint Commands, uint Events, Guid Uuid, uint Pad = 0)
{
    /// <summary>Bytes of the argument.</summary>
    public const int Length = 32;

    private const int UuidOffset = 16;

    /// <summary>Writes the argument.</summary>
    /// <param name="destination">At least <see cref="Length"/> bytes.</param>
    /// <exception cref="ArgumentException">The destination is too small.</exception>
    public void Write(Span<byte> destination)
    {
        IoctlArgument.Demand(destination, Length);
        BinaryPrimitives.WriteInt32LittleEndian(destination, Descriptor);
        BinaryPrimitives.WriteUInt32LittleEndian(destination[4..], Pad);
        BinaryPrimitives.WriteUInt32LittleEndian(destination[8..], Commands);
        BinaryPrimitives.WriteUInt32LittleEndian(destination[12..], Events);
        Uuid.TryWriteBytes(destination[UuidOffset..], bigEndian: true, out _);
    }

    /// <summary>Reads the argument.</summary>
    /// <returns>False when there are fewer than <see cref="Length"/> bytes.</returns>
    public static bool TryRead(ReadOnlySpan<byte> source, out MaskedHookArgument argument)
    {
        argument = default;
        if (source.Length < Length)
        {
            return false;
        }

        argument = new MaskedHookArgument(
            BinaryPrimitives.ReadInt32LittleEndian(source),
            BinaryPrimitives.ReadUInt32LittleEndian(source[8..]),
            BinaryPrimitives.ReadUInt32LittleEndian(source[12..]),
            new Guid(source.Slice(UuidOffset, 16), bigEndian: true),
            BinaryPrimitives.ReadUInt32LittleEndian(source[4..]));
        return true;
    }
}
