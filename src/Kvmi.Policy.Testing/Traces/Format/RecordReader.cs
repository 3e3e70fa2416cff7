using System.Buffers.Binary;
using System.Globalization;
using System.Text.Json;
using System.Text.Json.Serialization.Metadata;
using Kvmi.Policy.Testing.Traces.Records;

namespace Kvmi.Policy.Testing.Traces.Format;

/// <summary>Reads the records of chunks in order, and puts guest memory back into the messages.</summary>
internal sealed class RecordReader
{
    // What an entry of the table takes besides the bytes, roughly.
    private const int ContentsOverhead = 192;
    private readonly string _name;
    private readonly Dictionary<uint, TraceContents> _contents = [];
    private long _held;
    private TraceChunk _chunk;
    private byte[] _raw = [];
    private int _at;
    private int _left;
    private long _record;
    private long _event;

    public RecordReader(string name) => _name = name;

    /// <summary>Begins a chunk.</summary>
    public void Begin(in TraceChunk chunk, byte[] raw)
    {
        (_chunk, _raw, _at, _left) = (chunk, raw, 0, chunk.Records);
        (_record, _event) = (chunk.FirstRecord, chunk.FirstEvent);
    }

    /// <summary>The next record of a known kind; null at the end of the chunk.</summary>
    /// <exception cref="TraceException">The records contradict themselves.</exception>
    public TraceRecord? Read()
    {
        while (_left > 0)
        {
            _left--;
            var number = _record++;
            var rest = _raw.AsSpan(_at);
            if (rest.Length < TraceFormat.RecordHeaderLength)
            {
                throw Wrong(number, "the chunk ends before it");
            }

            var length = BinaryPrimitives.ReadInt32LittleEndian(rest[4..]);
            if (length < 0 || length > TraceFormat.MaxBody || length > rest.Length - TraceFormat.RecordHeaderLength)
            {
                throw Wrong(number, $"it announces {length} bytes");
            }

            var record = Read((TraceRecordKind)rest[0], rest.Slice(TraceFormat.RecordHeaderLength, length), number);
            var (connection, time) = (BinaryPrimitives.ReadUInt32LittleEndian(rest[8..]), BinaryPrimitives.ReadInt64LittleEndian(rest[12..]));
            _at += TraceFormat.RecordHeaderLength + length;
            if (record is not null)
            {
                return record with { Number = number, Connection = connection, Nanoseconds = time };
            }
        }

        return _at == _raw.Length ? null : throw Wrong(_record, "bytes follow the last record of its chunk");
    }

    private TraceRecord? Read(TraceRecordKind kind, ReadOnlySpan<byte> body, long number) => kind switch
    {
        TraceRecordKind.Message => Message(body, number),
        TraceRecordKind.Contents => Contents(body, number),
        TraceRecordKind.Decision => DecisionBody.Read(body) ?? throw Wrong(number, "its decision cannot be read"),
        TraceRecordKind.Vm => Json(body, TraceJson.Default.TraceVm, number),
        TraceRecordKind.Policy => Json(body, TraceJson.Default.TracePolicy, number),
        TraceRecordKind.Gap => Json(body, TraceJson.Default.TraceGap, number),
        TraceRecordKind.Detached => Json(body, TraceJson.Default.TraceDetached, number),
        TraceRecordKind.End => Json(body, TraceJson.Default.TraceEnd, number),

        // Of a later version that added to the format without changing what is here.
        _ => null,
    };

    private TraceMessage Message(ReadOnlySpan<byte> body, long number)
    {
        if (!MessageBody.TryRead(body, out var message) || message.MessageLength > TraceFormat.MaxMessage)
        {
            throw Wrong(number, "its message cannot be read");
        }

        var bytes = new byte[message.MessageLength];
        message.Rest[..message.Offset].CopyTo(bytes);
        message.Rest[message.Offset..].CopyTo(bytes.AsSpan(message.Offset + message.Length));
        TraceContents? contents = null;
        if (message.HasContents)
        {
            // In a chunk that is damaged: as if they had not been kept.
            contents = _contents.GetValueOrDefault(message.Contents) ?? new TraceContents { Id = message.Contents, Length = message.Length };
            if (contents.Length != message.Length)
            {
                throw Wrong(number, $"it has {message.Length} bytes of contents {message.Contents}, which are {contents.Length} long");
            }

            contents.Bytes?.CopyTo(bytes, message.Offset);
        }

        return new TraceMessage
        {
            Direction = message.Direction,
            Bytes = bytes,
            Event = message.IsEvent ? _event++ : 0,
            Contents = contents,
            ContentsOffset = message.Offset,
        };
    }

    private TraceContents Contents(ReadOnlySpan<byte> body, long number)
    {
        var contents = ContentsBody.Read(body) ?? throw Wrong(number, "its contents cannot be read");
        _held += ContentsOverhead + (contents.Bytes?.Length ?? 0);
        if (_held > TraceFile.MaxContents)
        {
            throw Wrong(number, $"the trace holds more than {TraceFile.MaxContents >> 20} MiB of guest memory. Take the part you need with trace cut");
        }

        return _contents.TryAdd(contents.Id, contents) ? contents : throw Wrong(number, $"contents {contents.Id} stand in the trace twice");
    }

    private T Json<T>(ReadOnlySpan<byte> body, JsonTypeInfo<T> type, long number)
        where T : TraceRecord
    {
        try
        {
            return JsonSerializer.Deserialize(body, type) ?? throw Wrong(number, "it says null");
        }
        catch (JsonException exception)
        {
            throw Wrong(number, $"its JSON cannot be read: {exception.Message}");
        }
    }

    private TraceException Wrong(long number, string what) => new(string.Create(
        CultureInfo.InvariantCulture, $"{_name}: record {number} (chunk at byte {_chunk.Offset}) is wrong: {what}. The file was not made by this program, or changed since."));
}
