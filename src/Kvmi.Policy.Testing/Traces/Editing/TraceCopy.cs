using Kvmi.Policy.Testing.Traces.Format;
using Kvmi.Policy.Testing.Traces.Records;

namespace Kvmi.Policy.Testing.Traces.Editing;

/// <summary>Makes traces of traces. Event numbers of a copy begin at 1 again.</summary>
public static class TraceCopy
{
    /// <summary>
    /// Keeps some events, and what they need: the handshake, which VM it is, what was switched on, and of the memory that was read before the
    /// range the last state of each place. State that policies had gathered by then is not in a trace.
    /// </summary>
    /// <param name="source">The original.</param>
    /// <param name="range">The events to keep.</param>
    /// <param name="destination">Where the copy goes; the caller closes it.</param>
    /// <exception cref="TraceException">The records of the original contradict themselves.</exception>
    public static TraceCopyResult Cut(TraceFile source, TraceRange range, Stream destination)
    {
        ArgumentNullException.ThrowIfNull(source);
        ArgumentNullException.ThrowIfNull(destination);
        var writer = new TraceWriter(destination, source.Start);
        var cutter = new EventCutter(writer, range);
        long last = 0;
        foreach (var record in source.Records())
        {
            last = Math.Max(last, record.Nanoseconds);
            cutter.Take(record);
        }

        cutter.Finish();
        writer.End(last, "cut");
        return new TraceCopyResult(writer.Events, cutter.FirstKept, cutter.Dropped, 0, writer.LastWhole);
    }

    /// <summary>Leaves the contents of guest memory out; all else stays, registers included.</summary>
    /// <param name="source">The original.</param>
    /// <param name="keep">What remains of the contents.</param>
    /// <param name="destination">Where the copy goes; the caller closes it.</param>
    /// <exception cref="ArgumentException">All is to be kept.</exception>
    /// <exception cref="TraceException">The records of the original contradict themselves.</exception>
    public static TraceCopyResult Redact(TraceFile source, KeptContents keep, Stream destination)
    {
        ArgumentNullException.ThrowIfNull(source);
        ArgumentNullException.ThrowIfNull(destination);
        if (keep == KeptContents.All)
        {
            throw new ArgumentException("A redacted trace keeps hashes or nothing.", nameof(keep));
        }

        var writer = new TraceWriter(destination, source.Start);
        long last = 0, contents = 0, events = 0;
        foreach (var record in source.Records())
        {
            last = Math.Max(last, record.Nanoseconds);
            contents += record is TraceContents { Bytes: not null } ? 1 : 0;
            events += record is TraceMessage { Event: not 0 } ? 1 : 0;
            RecordCopy.Write(writer, record is TraceMessage { Contents: { } inside } message ? message with { Contents = Without(inside, keep) } : record);
        }

        writer.End(last, "redacted");
        return new TraceCopyResult(writer.Events, events > 0 ? 1 : 0, 0, contents, writer.LastWhole);
    }

    private static TraceContents Without(TraceContents contents, KeptContents keep) => contents with
    {
        Bytes = null,
        Hash = keep == KeptContents.Hash && contents.Length >= KeptContentsRules.LeastHashed ? contents.Hash : default,
    };
}
