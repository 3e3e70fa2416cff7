using System.Buffers.Binary;
using System.Security.Cryptography;
using System.Text.Json;
using System.Text.Json.Serialization.Metadata;
using Kvmi.Policy.Testing.Traces.Records;
using Kvmi.Protocol.Dialects;

namespace Kvmi.Policy.Testing.Traces.Format;

/// <summary>
/// Writes a trace: records into chunks, each of which leaves in one write and can be read without those behind it; guest memory once by its
/// hash; the index at the end. One thread. What the stream throws passes through, and then only <see cref="LastWhole"/> is of use.
/// </summary>
internal sealed class TraceWriter
{
    /// <summary>Contents whose hashes are remembered; after these, equal ones are stored again.</summary>
    private const int MaxRemembered = 1 << 20;

    private readonly Stream _stream;
    private readonly byte[] _chunk = new byte[TraceFormat.MaxChunk];
    private readonly byte[] _body = new byte[TraceFormat.MaxBody];
    private readonly List<byte[]> _index = [];
    private readonly Dictionary<Digest, uint> _contents = [];
    private uint _nextContents = 1;
    private int _length;
    private int _records;
    private long _firstRecord = 1;
    private long _firstEvent = 1;
    private long _firstTime;
    private long _nextEvent = 1;
    private long _position;

    /// <summary>Writes the header.</summary>
    public TraceWriter(Stream stream, DateTimeOffset start)
    {
        _stream = stream;
        var header = new TraceHeader(start).Write();
        stream.Write(header);
        _position = LastWhole = header.Length;
    }

    /// <summary>Bytes of the file up to the end of the last whole chunk.</summary>
    public long LastWhole { get; private set; }

    /// <summary>Time of the first record that has not left yet; null when all have.</summary>
    public long? WaitingSince => _records == 0 ? null : _firstTime;

    /// <summary>Messages so far.</summary>
    public long Messages { get; private set; }

    /// <summary>Events so far that expect an answer.</summary>
    public long Events => _nextEvent - 1;

    /// <summary>Records reported as missing so far.</summary>
    public long Lost { get; private set; }

    public void Write(TraceVm vm, uint connection, long time) => WriteJson(TraceRecordKind.Vm, connection, time, vm, TraceJson.Default.TraceVm);

    public void Write(TracePolicy policy, long time) => WriteJson(TraceRecordKind.Policy, 0, time, policy, TraceJson.Default.TracePolicy);

    public void Write(TraceDetached detached, uint connection, long time) =>
        WriteJson(TraceRecordKind.Detached, connection, time, detached, TraceJson.Default.TraceDetached);

    public void WriteGap(uint connection, long time, long lost)
    {
        Lost += lost;
        WriteJson(TraceRecordKind.Gap, connection, time, new TraceGap { Lost = lost }, TraceJson.Default.TraceGap);
    }

    /// <summary>Writes a decision record as <see cref="DecisionBody"/> made it.</summary>
    public void WriteDecision(uint connection, long time, ReadOnlySpan<byte> body) => Append(TraceRecordKind.Decision, connection, time, body);

    public void Write(TraceDecision decision, uint connection, long time) =>
        WriteDecision(connection, time, _body.AsSpan(0, DecisionBody.Write(_body, decision)));

    /// <summary>Writes a message.</summary>
    /// <param name="connection">Its connection.</param>
    /// <param name="time">When.</param>
    /// <param name="direction">Who sent it.</param>
    /// <param name="message">Its bytes.</param>
    /// <param name="isEvent">True for an event that expects an answer.</param>
    /// <param name="memory">Guest memory in it; null for none.</param>
    /// <param name="keep">What to keep of the guest memory.</param>
    public void WriteMessage(
        uint connection, long time, MessageDirection direction, ReadOnlySpan<byte> message, bool isEvent, (int Offset, int Length)? memory, KeptContents keep)
    {
        if (memory is not { } place)
        {
            Append(connection, time, direction, message, isEvent, null, default);
            return;
        }

        var bytes = message.Slice(place.Offset, place.Length);
        var hash = SHA256.HashData(bytes);
        var contents = new TraceContents
        {
            Id = 0,
            Length = bytes.Length,
            Bytes = keep == KeptContents.All ? bytes.ToArray() : null,
            Hash = keep == KeptContents.Nothing || (keep == KeptContents.Hash && bytes.Length < KeptContentsRules.LeastHashed) ? default : hash,
        };
        Append(connection, time, direction, message, isEvent, Store(contents, time), place);
    }

    /// <summary>Writes a message of another trace, with what that has of the guest memory in it.</summary>
    public void Write(TraceMessage message, uint connection, long time)
    {
        if (message.Contents is { } contents)
        {
            Append(
                connection, time, message.Direction, message.Bytes, message.Event != 0, Store(contents, time), (message.ContentsOffset, contents.Length));
        }
        else
        {
            Append(connection, time, message.Direction, message.Bytes, message.Event != 0, null, default);
        }
    }

    /// <summary>Writes what waits as a chunk.</summary>
    public void FlushChunk()
    {
        if (_records == 0)
        {
            return;
        }

        var raw = _chunk.AsSpan(0, _length);
        _index.Add(IndexEntry());
        WriteChunk(TraceFormat.RecordsChunk, raw, _firstRecord, _firstEvent, _firstTime, _records);
        _firstRecord += _records;
        _firstEvent = _nextEvent;
        _records = 0;
        _length = 0;
    }

    /// <summary>Ends the trace in order: the end record, the index, and where it is.</summary>
    public void End(long time, string? madeBy = null)
    {
        WriteJson(
            TraceRecordKind.End, 0, time, new TraceEnd { Messages = Messages, Events = Events, Lost = Lost, MadeBy = madeBy }, TraceJson.Default.TraceEnd);
        FlushChunk();
        if ((long)_index.Count * TraceFormat.IndexEntryLength <= TraceFormat.MaxIndex)
        {
            var place = _position;
            WriteChunk(TraceFormat.IndexChunk, [.. _index.SelectMany(entry => entry)], _firstRecord, _nextEvent, time, _index.Count);
            Span<byte> trailer = stackalloc byte[TraceFormat.TrailerLength];
            BinaryPrimitives.WriteInt64LittleEndian(trailer, place);
            BinaryPrimitives.WriteUInt32LittleEndian(trailer[8..], TraceFormat.Checksum(trailer[..8]));
            BinaryPrimitives.WriteUInt32LittleEndian(trailer[12..], TraceFormat.TrailerMagic);
            _stream.Write(trailer);
            LastWhole += trailer.Length;
        }

        _stream.Flush();
    }

    private void Append(
        uint connection, long time, MessageDirection direction, ReadOnlySpan<byte> message, bool isEvent, uint? contents, (int Offset, int Length) place)
    {
        var length = MessageBody.Write(_body, direction, isEvent, message, contents, place.Offset, place.Length);
        Append(TraceRecordKind.Message, connection, time, _body.AsSpan(0, length));
        Messages++;
        _nextEvent += isEvent ? 1 : 0;
    }

    private uint Store(TraceContents contents, long time)
    {
        var digest = new Digest(contents.Hash.Span, contents.Length, contents.Bytes is not null);
        if (!contents.Hash.IsEmpty && _contents.TryGetValue(digest, out var id))
        {
            return id;
        }

        id = _nextContents++;
        if (!contents.Hash.IsEmpty && _contents.Count < MaxRemembered)
        {
            _contents.Add(digest, id);
        }

        Append(TraceRecordKind.Contents, 0, time, _body.AsSpan(0, ContentsBody.Write(_body, contents with { Id = id })));
        return id;
    }

    private void WriteJson<T>(TraceRecordKind kind, uint connection, long time, T value, JsonTypeInfo<T> type)
    {
        var json = JsonSerializer.SerializeToUtf8Bytes(value, type);
        if (json.Length > TraceFormat.MaxBody)
        {
            throw new TraceException($"a {kind} record of {json.Length} bytes is longer than the {TraceFormat.MaxBody} that a record can have.");
        }

        Append(kind, connection, time, json);
    }

    private void Append(TraceRecordKind kind, uint connection, long time, ReadOnlySpan<byte> body)
    {
        // Before the record and not behind it: an event is counted only when its record is in.
        if (_length >= TraceFormat.ChunkTarget)
        {
            FlushChunk();
        }

        if (_records == 0)
        {
            _firstTime = time;
        }

        var record = _chunk.AsSpan(_length);
        record[0] = (byte)kind;
        record[1] = record[2] = record[3] = 0;
        BinaryPrimitives.WriteInt32LittleEndian(record[4..], body.Length);
        BinaryPrimitives.WriteUInt32LittleEndian(record[8..], connection);
        BinaryPrimitives.WriteInt64LittleEndian(record[12..], time);
        body.CopyTo(record[TraceFormat.RecordHeaderLength..]);
        _length += TraceFormat.RecordHeaderLength + body.Length;
        _records++;
    }

    private byte[] IndexEntry()
    {
        var entry = new byte[TraceFormat.IndexEntryLength];
        BinaryPrimitives.WriteInt64LittleEndian(entry, _position);
        BinaryPrimitives.WriteInt64LittleEndian(entry.AsSpan(8), _firstRecord);
        BinaryPrimitives.WriteInt64LittleEndian(entry.AsSpan(16), _firstEvent);
        BinaryPrimitives.WriteInt64LittleEndian(entry.AsSpan(24), _firstTime);
        BinaryPrimitives.WriteInt32LittleEndian(entry.AsSpan(32), _records);
        return entry;
    }

    private void WriteChunk(byte kind, ReadOnlySpan<byte> raw, long firstRecord, long firstEvent, long firstTime, int records)
    {
        var stored = ChunkCompression.Compress(raw);
        var compression = TraceFormat.ZLib;
        if (stored.Length >= raw.Length)
        {
            stored = raw;
            compression = TraceFormat.NotCompressed;
        }

        var header = new ChunkHeader(kind, compression, stored.Length, raw.Length, firstRecord, firstEvent, firstTime, records).Write(stored);

        // One write for both: a killed recorder leaves whole chunks and at most one part.
        var chunk = new byte[header.Length + stored.Length];
        header.CopyTo(chunk, 0);
        stored.CopyTo(chunk.AsSpan(header.Length));
        _stream.Write(chunk);
        _position += chunk.Length;
        LastWhole = _position;
    }

    /// <summary>A hash as a key: 32 bytes, the length, and whether the bytes are kept.</summary>
    private readonly record struct Digest
    {
        private readonly UInt128 _first;
        private readonly UInt128 _second;
        private readonly int _length;
        private readonly bool _hasBytes;

        public Digest(ReadOnlySpan<byte> hash, int length, bool hasBytes)
        {
            (_length, _hasBytes) = (length, hasBytes);
            if (!hash.IsEmpty)
            {
                _first = BinaryPrimitives.ReadUInt128LittleEndian(hash);
                _second = BinaryPrimitives.ReadUInt128LittleEndian(hash[16..]);
            }
        }
    }
}
