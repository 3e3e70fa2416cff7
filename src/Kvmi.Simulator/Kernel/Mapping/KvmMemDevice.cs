using Kvmi.Protocol;
using Kvmi.Protocol.Ioctls;
using Kvmi.Simulator.Kernel.Hooking;

namespace Kvmi.Simulator.Kernel.Mapping;

/// <summary>
/// One open <c>/dev/kvmmem</c> in the guest of a tool (rfc-v5 6.3): turns the ioctls of one process into hypercalls and keeps the book of what is
/// mapped. One thread at a time.
/// </summary>
internal sealed class KvmMemDevice : IDisposable
{
    private const ulong PageOffset = 0xFFF;
    private readonly IKvmMemGuest _guest;
    private readonly int _opener;
    private readonly Dictionary<ulong, ulong> _mapped = [];

    /// <summary>Opens the device.</summary>
    /// <param name="guest">The guest that it belongs to.</param>
    /// <param name="process">Who opens it.</param>
    public KvmMemDevice(IKvmMemGuest guest, int process)
    {
        _guest = guest;
        _opener = process;
    }

    /// <summary>Pages that are mapped, by virtual address.</summary>
    public IReadOnlyCollection<ulong> Mapped => _mapped.Keys;

    /// <summary>An ioctl.</summary>
    /// <param name="process">Who calls.</param>
    /// <param name="number"><see cref="GuestMapArgument.Map"/> or <see cref="GuestMapArgument.Unmap"/>.</param>
    /// <param name="argument">For Map a pointer, for Unmap the virtual address itself.</param>
    /// <returns>AGAIN when the caller should try once more with a fresh token.</returns>
    public IoctlError Ioctl(int process, uint number, ulong argument) => number switch
    {
        _ when process != _opener => IoctlError.InvalidArgument,
        GuestMapArgument.Map => Map(argument),
        GuestMapArgument.Unmap => Unmap(argument),
        _ => IoctlError.NotThisDevice,
    };

    /// <summary>Closes the device: everything is unmapped.</summary>
    public void Dispose()
    {
        foreach (var gpa in _mapped.Values)
        {
            _guest.Hypercall(MapHypercalls.Unmap, gpa, 0, 0);
        }

        _mapped.Clear();
    }

    private IoctlError Map(ulong pointer)
    {
        Span<byte> bytes = stackalloc byte[GuestMapArgument.Length];
        if (!_guest.TryReadVirtual(pointer, bytes) || !GuestMapArgument.TryRead(bytes, out var argument))
        {
            return IoctlError.Fault;
        }

        if ((argument.Gva & PageOffset) != 0 || !_guest.TryTranslate(argument.Gva, out var gpa))
        {
            return IoctlError.InvalidArgument;
        }

        if (_mapped.ContainsKey(argument.Gva))
        {
            return IoctlError.Already;
        }

        // The token lies at the front of the structure that the caller points to.
        var error = ErrorOf(_guest.Hypercall(MapHypercalls.Map, pointer, argument.Gpa, gpa));
        if (error == IoctlError.None)
        {
            _mapped.Add(argument.Gva, gpa);
        }

        return error;
    }

    private IoctlError Unmap(ulong gva)
    {
        if ((gva & PageOffset) != 0)
        {
            return IoctlError.InvalidArgument;
        }

        if (!_mapped.TryGetValue(gva, out var gpa))
        {
            return IoctlError.NoEntry;
        }

        var error = ErrorOf(_guest.Hypercall(MapHypercalls.Unmap, gpa, 0, 0));
        if (error == IoctlError.None)
        {
            _mapped.Remove(gva);
        }

        return error;
    }

    private static IoctlError ErrorOf(long result) => (KvmiError)result switch
    {
        KvmiError.None => IoctlError.None,
        KvmiError.NotPermitted => IoctlError.NotPermitted,
        KvmiError.NoEntry => IoctlError.NoEntry,
        KvmiError.Fault => IoctlError.Fault,
        KvmiError.TryAgain or KvmiError.Busy => IoctlError.Again,
        _ => IoctlError.InvalidArgument,
    };
}
