using Kvmi.Policy.Engine.Containment.Worker.Lane;
using Kvmi.Policy.Engine.Runtime.Services;
using Kvmi.Protocol.Events;

namespace Kvmi.Policy.Engine.Containment.Worker.Hosting;

/// <summary>Answers what a policy in a worker asks of guest memory. Every byte of a question is hostile.</summary>
internal static class WorkerMemoryCalls
{
    /// <summary>Answers one question; what the memory refuses it throws.</summary>
    /// <param name="code">What is asked.</param>
    /// <param name="reader">The question, after its envelope.</param>
    /// <param name="memory">The policy's memory.</param>
    /// <param name="frame">The event under way; empty when <paramref name="hasEvent"/> is false.</param>
    /// <param name="hasEvent">False in top-level statements, OnAttach and OnDetach: virtual addresses mean nothing there.</param>
    /// <param name="writer">Where the answer goes.</param>
    /// <returns>False when it is no question: the worker has broken the protocol.</returns>
    public static bool Answer(
        LaneCode code, ref LaneReader reader, IGuestMemory memory, in EventFrame frame, bool hasEvent, ref LaneWriter writer) => code switch
        {
            LaneCode.ReadPhysical => Read(ref reader, memory, in frame, isVirtual: false, ref writer),
            LaneCode.ReadVirtual => hasEvent && Read(ref reader, memory, in frame, isVirtual: true, ref writer),
            LaneCode.ReadMany => ReadMany(ref reader, memory, in frame, hasEvent, ref writer),
            LaneCode.Translate => hasEvent && Translate(ref reader, memory, in frame, ref writer),
            LaneCode.TranslateMany => hasEvent && TranslateMany(ref reader, memory, in frame, ref writer),
            LaneCode.HashPage => HashPage(ref reader, memory, ref writer),
            LaneCode.WritePhysical => WritePhysical(ref reader, memory, ref writer),
            _ => false,
        };

    private static bool Read(ref LaneReader reader, IGuestMemory memory, in EventFrame frame, bool isVirtual, ref LaneWriter writer)
    {
        memory = Choose(ref reader, memory);
        var address = reader.U64();
        var length = reader.U32();
        if (!reader.IsWhole || length > MemoryLimits.MaxBytes)
        {
            return false;
        }

        // Any event type does: only the registers count.
        var mark = writer;
        writer.U8(1);
        var bytes = writer.Reserve((int)length);
        var found = isVirtual
            ? memory.TryReadVirtual(new HypercallEvent(frame), address, bytes)
            : memory.TryReadPhysical(address, bytes);
        if (!found)
        {
            writer = mark;
            writer.U8(0);
        }

        return true;
    }

    private static bool ReadMany(ref LaneReader reader, IGuestMemory memory, in EventFrame frame, bool hasEvent, ref LaneWriter writer)
    {
        memory = Choose(ref reader, memory);
        var isVirtual = reader.U8() != 0;
        var count = reader.U8();
        if (count > MemoryLimits.MaxRanges || (isVirtual && !hasEvent))
        {
            return false;
        }

        Span<GuestRange> ranges = stackalloc GuestRange[count];
        var total = 0L;
        for (var i = 0; i < count; i++)
        {
            var address = reader.U64();
            var length = reader.U32();
            total += length;
            ranges[i] = new GuestRange(address, (int)Math.Min(length, int.MaxValue));
        }

        if (!reader.IsWhole || total > MemoryLimits.MaxBytes)
        {
            return false;
        }

        Span<bool> found = stackalloc bool[count];
        var results = writer.Reserve(count);
        var bytes = writer.Reserve((int)total);
        _ = isVirtual
            ? memory.TryReadVirtual(new HypercallEvent(frame), ranges, bytes, found)
            : memory.TryReadPhysical(ranges, bytes, found);
        Flags(found, results);
        return true;
    }

    private static bool Translate(ref LaneReader reader, IGuestMemory memory, in EventFrame frame, ref LaneWriter writer)
    {
        memory = Choose(ref reader, memory);
        var address = reader.U64();
        if (!reader.IsWhole)
        {
            return false;
        }

        writer.U8(memory.TryTranslate(new HypercallEvent(frame), address, out var physical) ? (byte)1 : (byte)0);
        writer.U64(physical);
        return true;
    }

    private static bool TranslateMany(ref LaneReader reader, IGuestMemory memory, in EventFrame frame, ref LaneWriter writer)
    {
        memory = Choose(ref reader, memory);
        var count = reader.U8();
        if (count > MemoryLimits.MaxRanges)
        {
            return false;
        }

        Span<ulong> addresses = stackalloc ulong[count];
        for (var i = 0; i < count; i++)
        {
            addresses[i] = reader.U64();
        }

        if (!reader.IsWhole)
        {
            return false;
        }

        Span<ulong> physical = stackalloc ulong[count];
        Span<bool> found = stackalloc bool[count];
        memory.TryTranslate(new HypercallEvent(frame), addresses, physical, found);
        Flags(found, writer.Reserve(count));
        foreach (var address in physical)
        {
            writer.U64(address);
        }

        return true;
    }

    private static bool HashPage(ref LaneReader reader, IGuestMemory memory, ref LaneWriter writer)
    {
        var address = reader.U64();
        if (!reader.IsWhole)
        {
            return false;
        }

        var hash = memory.HashPage(address);
        writer.U64(hash.Part0);
        writer.U64(hash.Part1);
        writer.U64(hash.Part2);
        writer.U64(hash.Part3);
        return true;
    }

    private static bool WritePhysical(ref LaneReader reader, IGuestMemory memory, ref LaneWriter writer)
    {
        var address = reader.U64();
        var bytes = reader.Bytes(MemoryLimits.MaxBytes);
        if (!reader.IsWhole)
        {
            return false;
        }

        writer.U8(memory.TryWritePhysical(address, bytes) ? (byte)1 : (byte)0);
        return true;
    }

    private static IGuestMemory Choose(ref LaneReader reader, IGuestMemory memory) => reader.U8() != 0 ? memory.Fresh : memory;

    private static void Flags(ReadOnlySpan<bool> found, Span<byte> results)
    {
        for (var i = 0; i < found.Length; i++)
        {
            results[i] = found[i] ? (byte)1 : (byte)0;
        }
    }
}
