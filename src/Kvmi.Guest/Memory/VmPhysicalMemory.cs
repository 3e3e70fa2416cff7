using Kvmi.Protocol;
using Kvmi.Session.Vm;

namespace Kvmi.Guest.Memory;

/// <summary>
/// The physical memory of an attached VM. Each page that is read is a command; those of one call leave together. Use it on the VM's
/// owner thread only.
/// </summary>
public sealed class VmPhysicalMemory : IPhysicalMemory
{
    private const int MaxTogether = 64;
    private readonly IIntrospectedVm _vm;
    private readonly bool _allowed;

    /// <summary>Wraps the VM; where READ_PHYSICAL is not allowed, every read fails without a command.</summary>
    public VmPhysicalMemory(IIntrospectedVm vm)
    {
        ArgumentNullException.ThrowIfNull(vm);
        _vm = vm;
        _allowed = vm.Capabilities.Commands.Contains(CommandKind.ReadPhysical);
    }

    /// <inheritdoc/>
    public bool TryRead(ulong gpa, Span<byte> destination) =>
        _allowed
        && MemoryBounds.Fits(gpa, destination.Length)
        && (destination.IsEmpty || _vm.ReadPhysical(gpa, destination) == KvmiError.None);

    /// <inheritdoc/>
    public bool TryRead(ReadOnlySpan<MemoryRange> ranges, Span<byte> destination, Span<bool> results)
    {
        MemoryBounds.Check(ranges, destination.Length, results.Length);
        Span<KvmiError> errors = stackalloc KvmiError[MaxTogether];
        var all = true;
        while (!ranges.IsEmpty)
        {
            var count = Math.Min(ranges.Length, MaxTogether);
            var bytes = 0;
            for (var i = 0; i < count; i++)
            {
                ref readonly var range = ref ranges[i];
                results[i] = _allowed && MemoryBounds.Fits(range.Gpa, range.Length);
                bytes += range.Length;
            }

            all &= results[..count].Contains(false)
                ? ReadOneByOne(ranges[..count], destination, results)
                : ReadTogether(ranges[..count], destination[..bytes], errors[..count], results);
            ranges = ranges[count..];
            destination = destination[bytes..];
            results = results[count..];
        }

        return all;
    }

    private bool ReadTogether(ReadOnlySpan<MemoryRange> ranges, Span<byte> destination, Span<KvmiError> errors, Span<bool> results)
    {
        _vm.ReadPhysical(ranges, destination, errors);
        var all = true;
        for (var i = 0; i < ranges.Length; i++)
        {
            results[i] = errors[i] == KvmiError.None;
            all &= results[i];
        }

        return all;
    }

    /// <summary>For addresses that nobody who means well asks for: past the end of the address space.</summary>
    private bool ReadOneByOne(ReadOnlySpan<MemoryRange> ranges, Span<byte> destination, Span<bool> results)
    {
        for (var i = 0; i < ranges.Length; i++)
        {
            results[i] = TryRead(ranges[i].Gpa, destination[..ranges[i].Length]);
            destination = destination[ranges[i].Length..];
        }

        return false;
    }
}
