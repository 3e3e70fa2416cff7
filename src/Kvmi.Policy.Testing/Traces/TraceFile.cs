using System.Globalization;
using Kvmi.Policy.Testing.Traces.Format;
using Kvmi.Policy.Testing.Traces.Records;

namespace Kvmi.Policy.Testing.Traces;

/// <summary>
/// A trace on disk (trace-format.md). Its bytes are not trusted: every length is checked before it is used, and what a file makes this
/// program hold is bounded. The chunks come from the index at the end, or, when a recorder was killed, from a walk over the file. One thread.
/// </summary>
public sealed class TraceFile : IDisposable
{
    /// <summary>Most bytes of guest memory that are held while a trace is read.</summary>
    public const long MaxContents = 1L << 30;

    private readonly Stream _stream;
    private readonly List<TraceChunk> _chunks;
    private readonly List<string> _problems = [];

    private TraceFile(string name, Stream stream)
    {
        Name = name;
        _stream = stream;
        var header = new byte[TraceFormat.HeaderLength];
        stream.Position = 0;
        var length = stream.ReadAtLeast(header, header.Length, throwOnEndOfStream: false);
        try
        {
            Start = TraceHeader.Read(header.AsSpan(0, length)).Start;
        }
        catch (TraceException exception)
        {
            throw new TraceException($"{name}: {exception.Message}");
        }

        _chunks = ChunkIndex.Read(stream)!;
        if (_chunks is null)
        {
            _chunks = ChunkIndex.Scan(stream, out var incomplete);
            Incomplete = incomplete;
        }
    }

    /// <summary>The name under which it was opened, for messages.</summary>
    public string Name { get; }

    /// <summary>Wall-clock time at which the trace's clock was 0.</summary>
    public DateTimeOffset Start { get; }

    /// <summary>What is missing because the recorder was ended before it could finish: the trace is whole up to its last chunk. Null for a finished one.</summary>
    public string? Incomplete { get; }

    /// <summary>The chunks in order.</summary>
    public IReadOnlyList<TraceChunk> Chunks => _chunks;

    /// <summary>What is damaged, one sentence each. Grows while the trace is read.</summary>
    public IReadOnlyList<string> Problems => _problems;

    /// <summary>Opens a trace.</summary>
    /// <exception cref="TraceException">It is none, or of another version.</exception>
    /// <exception cref="IOException">The file cannot be read.</exception>
    /// <exception cref="UnauthorizedAccessException">The file may not be read.</exception>
    public static TraceFile Open(string path)
    {
        var stream = new FileStream(path, FileMode.Open, FileAccess.Read, FileShare.ReadWrite | FileShare.Delete);
        return Open(path, stream);
    }

    /// <summary>Reads a trace from a stream, which is disposed with it.</summary>
    /// <param name="name">Name for messages.</param>
    /// <param name="stream">Must be able to seek.</param>
    /// <exception cref="TraceException">It is none, or of another version.</exception>
    public static TraceFile Open(string name, Stream stream)
    {
        ArgumentNullException.ThrowIfNull(name);
        ArgumentNullException.ThrowIfNull(stream);
        try
        {
            return new TraceFile(name, stream);
        }
        catch
        {
            stream.Dispose();
            throw;
        }
    }

    /// <summary>
    /// Reads the records in order, one chunk at a time. A damaged chunk is passed over and becomes a problem; messages whose guest memory was
    /// in it have zeros there.
    /// </summary>
    /// <exception cref="TraceException">The records of an undamaged chunk contradict themselves: the file was made by something else.</exception>
    public IEnumerable<TraceRecord> Records()
    {
        var reader = new RecordReader(Name);
        foreach (var chunk in _chunks)
        {
            var raw = ChunkIndex.ReadRecords(_stream, chunk, out var problem);
            if (raw is null)
            {
                AddProblem(string.Create(
                    CultureInfo.InvariantCulture,
                    $"the chunk at byte {chunk.Offset} is damaged ({problem}): records {chunk.FirstRecord} to {chunk.FirstRecord + chunk.Records - 1} are missing."));
                continue;
            }

            reader.Begin(chunk, raw);
            while (reader.Read() is { } record)
            {
                yield return record;
            }
        }
    }

    /// <inheritdoc/>
    public void Dispose() => _stream.Dispose();

    // A trace may be read several times.
    private void AddProblem(string problem)
    {
        if (!_problems.Contains(problem))
        {
            _problems.Add(problem);
        }
    }
}
