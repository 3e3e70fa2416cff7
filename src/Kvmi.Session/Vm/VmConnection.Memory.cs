using System.Runtime.InteropServices;
using Kvmi.Protocol;
using Kvmi.Protocol.Commands;

namespace Kvmi.Session.Vm;

/// <summary>Guest-physical memory and the rights on its pages.</summary>
internal sealed partial class VmConnection
{
    private const int PageSize = 4096;

    // rfc-v5 1.3: requests other than WRITE_PHYSICAL stay within 4096 bytes, 16 of which come before the first address.
    private const int MaxGetPageAccess = (4096 - 16) / 8;

    private readonly (int Range, int Offset, int Size)[] _pages = new (int, int, int)[MaxOutstanding];

    /// <inheritdoc/>
    public KvmiError SetPageAccess(ReadOnlySpan<PageAccessEntry> entries) => SetPageAccess(0, entries);

    /// <inheritdoc/>
    public KvmiError SetPageAccess(ushort view, ReadOnlySpan<PageAccessEntry> entries)
    {
        if (view != 0 && !Has(CommandKind.SwitchEptView) && _dialect.Id != KvmiDialect.RfcV5)
        {
            throw Lacks(CommandKind.SwitchEptView);
        }

        var first = KvmiError.None;
        while (!entries.IsEmpty)
        {
            using var custody = Begin(CommandKind.SetPageAccess);
            while (!entries.IsEmpty && WindowHasRoom(0))
            {
                var part = entries[..Math.Min(entries.Length, _dialect.MaxPageAccessEntries)];
                Put(CommandKind.SetPageAccess, _dialect.WriteSetPageAccess(_channel.Output, _sequence, 0, view, part));
                entries = entries[part.Length..];
            }

            var error = FirstError();
            first = first == KvmiError.None ? error : first;
        }

        return first;
    }

    /// <inheritdoc/>
    public KvmiError GetPageAccess(ReadOnlySpan<ulong> gpas, Span<PageAccess> access)
    {
        if (access.Length < gpas.Length)
        {
            throw new ArgumentException($"There are {gpas.Length} pages and room for {access.Length} results.", nameof(access));
        }

        while (!gpas.IsEmpty)
        {
            using var custody = Begin(CommandKind.GetPageAccess);
            var part = gpas[..Math.Min(gpas.Length, MaxGetPageAccess)];
            var error = Run(CommandKind.GetPageAccess, _dialect.WriteGetPageAccess(_channel.Output, _sequence, 0, 0, part), out var data);
            if (error != KvmiError.None)
            {
                return error;
            }

            if (data.Length != part.Length)
            {
                throw Malformed(CommandKind.GetPageAccess, data.Length, part.Length);
            }

            for (var i = 0; i < data.Length; i++)
            {
                access[i] = (PageAccess)(data[i] & (byte)PageAccess.All);
            }

            gpas = gpas[part.Length..];
            access = access[part.Length..];
        }

        return KvmiError.None;
    }

    /// <inheritdoc/>
    public KvmiError ReadPhysical(ulong gpa, Span<byte> destination)
    {
        var result = KvmiError.None;
        ReadPhysical([new MemoryRange(gpa, destination.Length)], destination, MemoryMarshal.CreateSpan(ref result, 1));
        return result;
    }

    /// <inheritdoc/>
    public KvmiError ReadPhysical(ReadOnlySpan<MemoryRange> ranges, Span<byte> destination, Span<KvmiError> results)
    {
        MemoryRange.Check(ranges, destination.Length, results.Length);
        results = results[..ranges.Length];
        results.Clear();
        var range = 0;
        var inRange = 0;
        var inDestination = 0;
        while (true)
        {
            while (range < ranges.Length && (inRange == ranges[range].Length || results[range] != KvmiError.None))
            {
                inDestination += ranges[range].Length - inRange;
                inRange = 0;
                range++;
            }

            if (range == ranges.Length)
            {
                return First(results);
            }

            using var custody = Begin(CommandKind.ReadPhysical);
            while (range < ranges.Length)
            {
                var gpa = ranges[range].Gpa + (ulong)inRange;
                var size = Math.Min(ranges[range].Length - inRange, PageSize - (int)(gpa % PageSize));
                if (size > 0)
                {
                    if (!WindowHasRoom(size))
                    {
                        break;
                    }

                    _pages[_windowCount] = (range, inDestination, size);
                    Put(CommandKind.ReadPhysical, _dialect.Write(_channel.Output, _sequence, new ReadPhysical(gpa, (ulong)size)), size);
                    inRange += size;
                    inDestination += size;
                }

                if (inRange == ranges[range].Length)
                {
                    inRange = 0;
                    range++;
                }
            }

            TakePages(destination, results);
        }
    }

    /// <inheritdoc/>
    public KvmiError WritePhysical(ulong gpa, ReadOnlySpan<byte> source)
    {
        while (!source.IsEmpty)
        {
            using var custody = Begin(CommandKind.WritePhysical);
            var size = Math.Min(source.Length, PageSize - (int)(gpa % PageSize));
            var error = Run(
                CommandKind.WritePhysical, _dialect.Write(_channel.Output, _sequence, new WritePhysical(gpa, source[..size])));
            if (error != KvmiError.None)
            {
                return error;
            }

            source = source[size..];
            gpa += (ulong)size;
        }

        return KvmiError.None;
    }

    /// <summary>Sends the window of page reads and takes their answers.</summary>
    private void TakePages(Span<byte> destination, Span<KvmiError> results)
    {
        FlushOrLose();
        while (_windowOpen > 0)
        {
            NextAnswer(out var index, out var error, out var data);
            var (range, offset, size) = _pages[index];
            if (error != KvmiError.None)
            {
                results[range] = results[range] == KvmiError.None ? error : results[range];
            }
            else if (data.Length != size)
            {
                throw Malformed(CommandKind.ReadPhysical, data.Length, size);
            }
            else
            {
                data.CopyTo(destination[offset..]);
            }
        }
    }

    /// <summary>Sends the window and waits for all its answers.</summary>
    /// <returns>The error of the earliest command that failed.</returns>
    private KvmiError FirstError()
    {
        FlushOrLose();
        var first = KvmiError.None;
        var earliest = MaxOutstanding;
        while (_windowOpen > 0)
        {
            NextAnswer(out var index, out var error, out _);
            if (error != KvmiError.None && index < earliest)
            {
                first = error;
                earliest = index;
            }
        }

        return first;
    }

    private static KvmiError First(ReadOnlySpan<KvmiError> results)
    {
        var index = results.IndexOfAnyExcept(KvmiError.None);
        return index < 0 ? KvmiError.None : results[index];
    }
}
