using System.Buffers.Binary;
using System.Security.Cryptography;
using Kvmi.Guest.Paging;
using Kvmi.Protocol;

namespace Kvmi.Policy.Engine.Runtime.Services;

/// <summary>Guest memory for one policy instance.</summary>
internal sealed class GuestMemory : IGuestMemory
{
    private const int MaxLength = 65_536;
    private const int PageSize = 4096;
    private readonly VmContext _context;
    private readonly PolicyInstance _policy;

    public GuestMemory(VmContext context, PolicyInstance policy)
    {
        _context = context;
        _policy = policy;
    }

    public byte[]? TryReadPhysical(ulong gpa, int length)
    {
        var bytes = new byte[Check(length)];
        return TryReadPhysical(gpa, bytes) ? bytes : null;
    }

    public bool TryReadPhysical(ulong gpa, Span<byte> destination)
    {
        Check(destination.Length);
        using var custody = _context.Foreign.Enter();
        return _context.Memory.TryRead(gpa, destination);
    }

    public byte[]? TryReadVirtual<TEvent>(TEvent e, ulong gva, int length)
        where TEvent : IGuestEvent, allows ref struct
    {
        var bytes = new byte[Check(length)];
        return TryReadVirtual(e, gva, bytes) ? bytes : null;
    }

    public bool TryReadVirtual<TEvent>(TEvent e, ulong gva, Span<byte> destination)
        where TEvent : IGuestEvent, allows ref struct
    {
        Check(destination.Length);
        ref readonly var sregs = ref e.Sregs;
        using var custody = _context.Foreign.Enter();
        return VirtualMemory.Read(_context.Memory, in sregs, gva, destination) == destination.Length;
    }

    public bool TryTranslate<TEvent>(TEvent e, ulong gva, out ulong gpa)
        where TEvent : IGuestEvent, allows ref struct
    {
        ref readonly var sregs = ref e.Sregs;
        using var custody = _context.Foreign.Enter();
        return PageWalker.Translate(_context.Memory, in sregs, gva, out gpa) == TranslationStatus.Mapped;
    }

    public PageHash HashPage(ulong gpa)
    {
        using var custody = _context.Foreign.Enter();
        Span<byte> page = stackalloc byte[PageSize];
        if (!_context.Memory.TryRead(gpa & ~(ulong)(PageSize - 1), page))
        {
            return PageHash.Unreadable;
        }

        Span<byte> hash = stackalloc byte[SHA256.HashSizeInBytes];
        SHA256.HashData(page, hash);
        return new PageHash(
            BinaryPrimitives.ReadUInt64BigEndian(hash),
            BinaryPrimitives.ReadUInt64BigEndian(hash[8..]),
            BinaryPrimitives.ReadUInt64BigEndian(hash[16..]),
            BinaryPrimitives.ReadUInt64BigEndian(hash[24..]));
    }

    public bool TryWritePhysical(ulong gpa, ReadOnlySpan<byte> source)
    {
        Check(source.Length);
        if (!_policy.Enforcing)
        {
            return true;
        }

        using var custody = _context.Foreign.Enter();

        // The former bytes are read first, so that they can be put back; a VM that allows only one of the two is not written.
        return _policy.Owner is { } owner
            && _context.Offers(CommandKind.WritePhysical)
            && _context.Offers(CommandKind.ReadPhysical)
            && _context.Patches.Write(owner, gpa, source) == KvmiError.None;
    }

    private static int Check(int length) =>
        length is >= 0 and <= MaxLength
            ? length
            : throw new ArgumentOutOfRangeException(nameof(length), length, $"A policy reads or writes 0 to {MaxLength} bytes at once.");
}
