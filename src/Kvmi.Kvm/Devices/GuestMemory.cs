using Kvmi.Kvm.Native;

namespace Kvmi.Kvm.Devices;

/// <summary>
/// Memory of a guest, owned by its VM. It may be read and written by any thread while the guest runs; nothing orders such an
/// access against the guest's own.
/// </summary>
public sealed class GuestMemory : IDisposable
{
    private readonly MappedMemory _mapping;

    internal GuestMemory(ulong guestAddress, int size)
    {
        GuestAddress = guestAddress;
        Size = size;
        _mapping = MappedMemory.Allocate((nuint)size);
    }

    /// <summary>Guest physical address of the first byte.</summary>
    public ulong GuestAddress { get; }

    /// <summary>Bytes.</summary>
    public int Size { get; }

    internal nint HostAddress => _mapping.Address;

    /// <summary>Copies bytes out of the memory.</summary>
    /// <param name="offset">First byte, from the start of this memory.</param>
    /// <param name="destination">Filled completely.</param>
    /// <exception cref="ArgumentException">The range is not inside the memory.</exception>
    /// <exception cref="ObjectDisposedException">The VM is gone.</exception>
    public void Read(int offset, Span<byte> destination)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(offset);
        _mapping.ReadSpan((ulong)offset, destination);
    }

    /// <summary>Copies bytes into the memory.</summary>
    /// <param name="offset">First byte, from the start of this memory.</param>
    /// <param name="source">The bytes.</param>
    /// <exception cref="ArgumentException">The range is not inside the memory.</exception>
    /// <exception cref="ObjectDisposedException">The VM is gone.</exception>
    public void Write(int offset, ReadOnlySpan<byte> source)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(offset);
        _mapping.WriteSpan((ulong)offset, source);
    }

    /// <summary>Gives the memory back. The VM does it for its own; a guest that still runs sees the memory vanish.</summary>
    public void Dispose() => _mapping.Dispose();
}
