using System.Buffers.Binary;
using System.Security.Cryptography;
using Kvmi.Guest.Paging;
using Kvmi.Protocol;
using Kvmi.Protocol.Registers;
using Kvmi.Session.Deadlines;
using Kvmi.Session.Vm;

namespace Kvmi.Policy.Engine.Runtime.Services;

/// <summary>Guest memory for one policy instance, remembered during an event or looked at anew.</summary>
internal sealed class GuestMemory : MemoryReads
{
    private const int PageSize = 4096;
    private readonly VmContext _context;
    private readonly PolicyInstance _policy;

    public GuestMemory(VmContext context, PolicyInstance policy)
        : this(context, policy, new GuestMemory(context, policy, fresh: null))
    {
    }

    private GuestMemory(VmContext context, PolicyInstance policy, IGuestMemory? fresh)
        : base(fresh)
    {
        _context = context;
        _policy = policy;
    }

    public override bool TryReadPhysical(ulong gpa, Span<byte> destination)
    {
        MemoryLimits.Check(destination.Length);
        using var custody = Begin();
        if (_context.Memory.Cache.TryRead(gpa, destination))
        {
            return true;
        }

        destination.Clear();
        return false;
    }

    public override bool TryReadPhysical(ReadOnlySpan<GuestRange> ranges, Span<byte> destination, Span<bool> found)
    {
        MemoryLimits.Check(ranges, destination.Length, found.Length);
        Span<MemoryRange> physical = stackalloc MemoryRange[ranges.Length];
        for (var i = 0; i < ranges.Length; i++)
        {
            physical[i] = new MemoryRange(ranges[i].Address, ranges[i].Length);
        }

        using var custody = Begin();
        if (_context.Memory.Cache.TryRead(physical, destination, found))
        {
            return true;
        }

        for (var i = 0; i < ranges.Length; i++)
        {
            if (!found[i])
            {
                destination[..ranges[i].Length].Clear();
            }

            destination = destination[ranges[i].Length..];
        }

        return false;
    }

    public override bool TryReadVirtual<TEvent>(TEvent e, ulong gva, Span<byte> destination)
    {
        MemoryLimits.Check(destination.Length);
        var found = false;
        return ReadVirtual(in e.Sregs, [new VirtualRange(gva, destination.Length)], destination, new Span<bool>(ref found));
    }

    public override bool TryReadVirtual<TEvent>(TEvent e, ReadOnlySpan<GuestRange> ranges, Span<byte> destination, Span<bool> found)
    {
        MemoryLimits.Check(ranges, destination.Length, found.Length);
        Span<VirtualRange> linear = stackalloc VirtualRange[ranges.Length];
        for (var i = 0; i < ranges.Length; i++)
        {
            linear[i] = new VirtualRange(ranges[i].Address, ranges[i].Length);
        }

        return ReadVirtual(in e.Sregs, linear, destination, found);
    }

    public override bool TryTranslate<TEvent>(TEvent e, ulong gva, out ulong gpa)
    {
        ref readonly var sregs = ref e.Sregs;
        using var custody = Begin();
        return PageWalker.Translate(_context.Memory.Cache, in sregs, gva, out gpa) == TranslationStatus.Mapped;
    }

    public override bool TryTranslate<TEvent>(TEvent e, ReadOnlySpan<ulong> gvas, Span<ulong> gpas, Span<bool> found)
    {
        MemoryLimits.Check(gvas.Length, gpas.Length, found.Length);
        ref readonly var sregs = ref e.Sregs;
        Span<TranslationStatus> ends = stackalloc TranslationStatus[gvas.Length];
        using var custody = Begin();
        var all = _context.Memory.Virtual.TryTranslate(in sregs, gvas, gpas, ends);
        for (var i = 0; i < gvas.Length; i++)
        {
            found[i] = ends[i] == TranslationStatus.Mapped;
        }

        return all;
    }

    public override PageHash HashPage(ulong gpa)
    {
        using var custody = Begin();
        var start = gpa & ~(ulong)(PageSize - 1);
        Span<byte> page = stackalloc byte[PageSize];
        _context.Memory.Cache.Forget(start, PageSize);
        if (!_context.Memory.Cache.TryRead(start, page))
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

    public override bool TryWritePhysical(ulong gpa, ReadOnlySpan<byte> source)
    {
        MemoryLimits.Check(source.Length);
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

    private CustodyScope Begin()
    {
        var custody = _context.Foreign.Enter();
        _context.Memory.BeginCall(_context.Event.Active && !IsFresh);
        return custody;
    }

    private bool ReadVirtual(in KvmSregs sregs, ReadOnlySpan<VirtualRange> ranges, Span<byte> destination, Span<bool> found)
    {
        using var custody = Begin();
        return _context.Memory.Virtual.TryRead(in sregs, ranges, destination, found);
    }
}
