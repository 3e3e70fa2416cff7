using System.Globalization;
using Kvmi.Fuzz.Decoders;
using Kvmi.Fuzz.Mutation;
using Kvmi.Policy.Testing.Traces;
using Kvmi.Policy.Testing.Traces.Editing;
using Kvmi.Policy.Testing.Traces.Format;

namespace Kvmi.Fuzz.Traces;

/// <summary>
/// A run over damaged and forged traces. Damage is in the file as it lies on a disk, where checksums notice it; forged records have right checksums,
/// so that what reads them has to. Each is read twice, redacted and cut: there is a reading, a problem, or a <see cref="TraceException"/>.
/// </summary>
internal sealed class TraceFuzzRun(IReadOnlyList<SeedTrace> seeds, ulong seed) : IFuzzRun
{
    private const string Reader = "TraceFile";
    private static readonly DateTimeOffset Start = new(2026, 3, 4, 5, 6, 7, TimeSpan.Zero);
    private readonly Mutator _mutator = new();
    private long _position;
    private long _most;

    public long Position => Volatile.Read(ref _position);

    public int Unit => 1;

    /// <summary>True when there is nothing to begin with.</summary>
    public bool IsEmpty => seeds.Count == 0;

    public string Beginning => $"{seeds.Count} traces";

    /// <summary>Traces of which nothing was refused, and those that were noticed to be bad: damaged, forged.</summary>
    public (long Read, long Noticed) Damaged { get; private set; }

    public (long Read, long Noticed) Forged { get; private set; }

    public string Table => string.Create(
        CultureInfo.InvariantCulture,
        $"damaged: {Damaged.Read} read, {Damaged.Noticed} noticed; forged: {Forged.Read} read, {Forged.Noticed} noticed; most allocated at once: {_most} bytes");

    public void Run(long first, long count)
    {
        for (var number = first; number < first + count; number++)
        {
            Volatile.Write(ref _position, number);
            One(number);
        }
    }

    private void One(long number)
    {
        var random = new Randomness(seed, number);
        var trace = seeds[random.Next(seeds.Count)];
        var other = seeds[random.Next(seeds.Count)];
        var isForged = random.OnceIn(2);
        var bytes = isForged ? Forge(ref random, trace, other) : _mutator.Mutate(ref random, trace.File, other.File, hasHeader: false).ToArray();
        var step = "";
        try
        {
            step = "read";
            var noticed = Read(bytes, isForged, out var records);
            step = "read again";
            DecoderDefectException.Require(Read(bytes, isForged, out var again) == noticed && again == records, Reader, "a second reading gives something else");
            step = "redact";
            Copy(bytes, (source, copy) => TraceCopy.Redact(source, KeptContents.Hash, copy));
            step = "cut";
            var from = random.Next(1, 12);
            var to = from + random.Next(12);
            Copy(bytes, (source, copy) => TraceCopy.Cut(source, new TraceRange(from, to), copy));
            Count(isForged, noticed);
        }
        catch (Exception e)
        {
            // Whatever it is: a run ends with the bytes that did it.
            throw new FuzzFindingException(number, seed, trace.Name, bytes, $"{step}: {e.GetType().Name}: {e.Message}", e, FuzzOptions.TracesWord);
        }
    }

    private byte[] Forge(ref Randomness random, SeedTrace trace, SeedTrace other)
    {
        var raw = _mutator.Mutate(ref random, trace.Records, other.Records, hasHeader: false).ToArray();
        var isCompressed = random.OnceIn(2);
        var stored = isCompressed ? ChunkCompression.Compress(raw).ToArray() : raw;
        var announced = random.OnceIn(16) ? random.Next(2 * TraceFormat.MaxChunk) : raw.Length;
        var records = random.OnceIn(8) ? random.Next(2 * trace.Count) : trace.Count;
        var header = new ChunkHeader(
            TraceFormat.RecordsChunk, isCompressed ? TraceFormat.ZLib : TraceFormat.NotCompressed, stored.Length, announced, 1, 1, 0, records).Write(stored);
        return [.. new TraceHeader(Start).Write(), .. header, .. stored];
    }

    // A forged file has no index, so that it is incomplete says nothing about its records.
    private bool Read(byte[] bytes, bool isForged, out int records)
    {
        records = 0;
        var before = GC.GetAllocatedBytesForCurrentThread();
        bool noticed;
        try
        {
            using var trace = TraceFile.Open("fuzzed", new MemoryStream(bytes, writable: false));
            foreach (var record in trace.Records())
            {
                records++;
                DecoderDefectException.Require(record.Number >= 0, Reader, $"record number {record.Number}");
            }

            noticed = trace.Problems.Count > 0 || (!isForged && trace.Incomplete is not null);
        }
        catch (TraceException exception)
        {
            DecoderDefectException.Require(exception.Message.StartsWith("fuzzed: ", StringComparison.Ordinal), Reader, $"an error does not name the file: {exception.Message}");
            noticed = true;
        }

        var allocated = GC.GetAllocatedBytesForCurrentThread() - before;
        _most = Math.Max(_most, allocated);
        DecoderDefectException.Require(allocated <= AllocationBounds.Trace(bytes.Length), Reader, $"allocated {allocated} bytes, {AllocationBounds.Trace(bytes.Length)} are the bound");
        return noticed;
    }

    // What can be copied is a whole trace afterwards, whatever the original was.
    private static void Copy(byte[] bytes, Action<TraceFile, Stream> copy)
    {
        using var made = new MemoryStream();
        try
        {
            using var source = TraceFile.Open("fuzzed", new MemoryStream(bytes, writable: false));
            copy(source, made);
        }
        catch (TraceException)
        {
            return;
        }

        using var trace = TraceFile.Open("copy", new MemoryStream(made.ToArray(), writable: false));
        _ = trace.Records().Count();
        DecoderDefectException.Require(trace.Problems.Count == 0 && trace.Incomplete is null, "TraceCopy", $"the copy is damaged: {trace.Incomplete} {string.Join(' ', trace.Problems)}");
    }

    private void Count(bool isForged, bool noticed)
    {
        var (read, bad) = isForged ? Forged : Damaged;
        (long, long) counts = noticed ? (read, bad + 1) : (read + 1, bad);
        if (isForged)
        {
            Forged = counts;
        }
        else
        {
            Damaged = counts;
        }
    }
}
