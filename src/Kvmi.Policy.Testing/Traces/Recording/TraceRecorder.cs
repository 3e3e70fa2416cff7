using System.Collections.Concurrent;
using Kvmi.Policy.Engine.Generations;
using Kvmi.Policy.Testing.Traces.Format;
using Kvmi.Policy.Testing.Traces.Records;
using Kvmi.Protocol.Captures;
using Kvmi.Protocol.Dialects;
using Kvmi.Protocol.Handshake;
using Kvmi.Session.Taps;
using Kvmi.Session.Vm;

namespace Kvmi.Policy.Testing.Traces.Recording;

/// <summary>
/// Records the conversations of a server and the decisions of its policies into one file: all VMs of a run, told apart by the number of their
/// connection. The threads that vCPUs wait for copy into a bounded ring; one thread of the recorder's own compresses and writes. What finds
/// the ring full is counted and leaves a gap in the trace. A disk that refuses ends the recording, never the run.
/// </summary>
public sealed class TraceRecorder : IConversationTaps, IDisposable
{
    private const int DefaultRing = 16 << 20;
    private const long NanosecondsPerSecond = 1_000_000_000;
    private static readonly TimeSpan Poll = TimeSpan.FromMilliseconds(10);
    private static readonly TimeSpan ChunkAge = TimeSpan.FromSeconds(1);

    private readonly Stream _stream;
    private readonly TimeProvider _time;
    private readonly KeptContents _keep;
    private readonly Action<string>? _failed;
    private readonly TraceRing _ring;
    private readonly TraceWriter _writer;
    private readonly long _start;
    private readonly double _nanosecondsPerTick;
    private readonly ConcurrentDictionary<uint, RecordedConnection> _connections = new();
    private readonly ConcurrentDictionary<string, RecordedConnection> _peers = new(StringComparer.Ordinal);
    private readonly ConcurrentQueue<TracePolicy> _policies = new();
    private readonly ConcurrentQueue<RecordedConnection> _closed = new();
    // Left to the finalizer: a thread that came late may still be about to set it.
    private readonly AutoResetEvent _hurry = new(false);
    private readonly Thread _thread;
    private uint _lastConnection;
    private bool _stop;
    private bool _ended;
    private bool _disposed;

    /// <summary>Begins a trace and starts the thread that writes it.</summary>
    /// <param name="stream">Where it goes; disposed with the recorder.</param>
    /// <param name="time">The clock of the run.</param>
    /// <param name="keep">What to keep of the guest memory that policies read and write.</param>
    /// <param name="failed">Told once, on the recorder's thread, when the stream refuses and the recording ends early; may be null.</param>
    /// <exception cref="IOException">Not even the first bytes could be written.</exception>
    public TraceRecorder(Stream stream, TimeProvider time, KeptContents keep = KeptContents.All, Action<string>? failed = null)
        : this(stream, time, keep, failed, DefaultRing)
    {
    }

    internal TraceRecorder(Stream stream, TimeProvider time, KeptContents keep, Action<string>? failed, int ring)
    {
        ArgumentNullException.ThrowIfNull(stream);
        ArgumentNullException.ThrowIfNull(time);
        (_stream, _time, _keep, _failed) = (stream, time, keep, failed);
        _ring = new TraceRing(ring);
        _start = time.GetTimestamp();
        _nanosecondsPerTick = (double)NanosecondsPerSecond / time.TimestampFrequency;
        _writer = new TraceWriter(stream, time.GetUtcNow());
        _thread = new Thread(Run) { IsBackground = true, Name = "trace recorder" };
        _thread.Start();
    }

    /// <summary>True when the recording has ended, in order or because the disk refused. Any thread.</summary>
    public bool IsEnded => Volatile.Read(ref _ended);

    /// <summary>Messages in the trace. Exact after <see cref="Dispose"/>.</summary>
    public long Messages => _writer.Messages;

    /// <summary>Events in the trace. Exact after <see cref="Dispose"/>.</summary>
    public long Events => _writer.Events;

    /// <summary>Messages and decisions that are missing in it. Exact after <see cref="Dispose"/>.</summary>
    public long Lost => _writer.Lost;

    /// <summary>Bytes of the file that can be read. Exact after <see cref="Dispose"/>.</summary>
    public long Length => _writer.LastWhole;

    /// <inheritdoc/>
    public IConversationTap? Open(string peer)
    {
        ArgumentNullException.ThrowIfNull(peer);
        if (IsEnded)
        {
            return null;
        }

        var connection = new RecordedConnection(this, Interlocked.Increment(ref _lastConnection), peer);
        _connections[connection.Number] = connection;
        _peers[peer] = connection;
        return connection;
    }

    /// <summary>Makes the handlers of a factory record what their policies decide.</summary>
    public IVmHandlerFactory Decisions(IVmHandlerFactory handlers)
    {
        ArgumentNullException.ThrowIfNull(handlers);
        return new RecordingHandlers(handlers, this);
    }

    /// <summary>A generation has gone live: notes which policies it has. Any thread.</summary>
    public void WentLive(Generation generation)
    {
        ArgumentNullException.ThrowIfNull(generation);
        foreach (var policy in generation.Policies)
        {
            var definition = policy.Definition;
            _policies.Enqueue(new TracePolicy
            {
                Generation = generation.Number,
                Id = definition.Id,
                Version = definition.Version,
                Mode = definition.Mode == Engine.Model.PolicyMode.Enforce ? "enforce" : "audit",
                Digest = PolicyDigest.Of(definition) ?? "",
            });
        }
    }

    /// <summary>Writes what waits, ends the trace in order and closes it. Connections should have ended before.</summary>
    public void Dispose()
    {
        if (_disposed)
        {
            return;
        }

        _disposed = true;
        Volatile.Write(ref _stop, true);
        _hurry.Set();
        _thread.Join();
    }

    /// <summary>Bytes that wait for the thread that writes.</summary>
    internal long Waiting => _ring.Waiting;

    internal long Timestamp() => _time.GetTimestamp();

    internal long Nanoseconds(long timestamp) => (long)((timestamp - _start) * _nanosecondsPerTick);

    internal RecordedConnection? Find(string peer) => _peers.GetValueOrDefault(peer);

    internal bool TryPut(in TraceRingEntry entry, ReadOnlySpan<byte> payload)
    {
        if (!_ring.TryWrite(in entry, payload))
        {
            return false;
        }

        // No call into the kernel as a rule: the writer looks by itself, and is called only when it falls behind.
        if (_ring.IsHalfFull && !IsEnded && !Volatile.Read(ref _stop))
        {
            _hurry.Set();
        }

        return true;
    }

    internal void Closed(RecordedConnection connection)
    {
        _peers.TryRemove(new KeyValuePair<string, RecordedConnection>(connection.Peer, connection));
        _closed.Enqueue(connection);
    }

    private void Run()
    {
        try
        {
            while (!Volatile.Read(ref _stop))
            {
                Drain();
                if (_writer.WaitingSince is { } since && Nanoseconds(_time.GetTimestamp()) - since > ChunkAge.TotalNanoseconds)
                {
                    _writer.FlushChunk();
                }

                _hurry.WaitOne(Poll);
            }

            Drain();
            foreach (var connection in _connections.Values.OrderBy(connection => connection.Number))
            {
                Close(connection, Nanoseconds(_time.GetTimestamp()));
            }

            WritePolicies(Nanoseconds(_time.GetTimestamp()));
            _writer.End(Nanoseconds(_time.GetTimestamp()));
            Volatile.Write(ref _ended, true);
            _stream.Dispose();
        }
        catch (Exception exception)
        {
            Fail(exception);
        }
    }

    private void Drain()
    {
        while (_ring.TryPeek(out var entry, out var payload))
        {
            Write(in entry, payload);
            _ring.Release();
        }

        // Behind the ring: what these had to say is written.
        while (_closed.TryDequeue(out var connection))
        {
            while (_ring.TryPeek(out var entry, out var payload))
            {
                Write(in entry, payload);
                _ring.Release();
            }

            Close(connection, Nanoseconds(_time.GetTimestamp()));
            _connections.TryRemove(connection.Number, out _);
        }
    }

    private void Close(RecordedConnection connection, long time)
    {
        if (connection.TakeVm() is { } vm)
        {
            _writer.Write(vm, connection.Number, time);
        }

        if (connection.TakeLost() is var lost and > 0)
        {
            _writer.WriteGap(connection.Number, time, lost);
        }

        if (connection.TakeDetached() is { } detached)
        {
            _writer.Write(detached, connection.Number, time);
        }
    }

    private void Write(in TraceRingEntry entry, ReadOnlySpan<byte> payload)
    {
        if (!_connections.TryGetValue(entry.Connection, out var connection))
        {
            return;
        }

        var time = Nanoseconds(entry.Timestamp);
        WritePolicies(time);
        if (connection.TakeVm() is { } vm)
        {
            _writer.Write(vm, entry.Connection, time);
        }

        if (entry.Lost > 0)
        {
            _writer.WriteGap(entry.Connection, time, entry.Lost);
        }

        switch (entry.Kind)
        {
            case TraceRecordKind.Message:
                WriteMessage(connection, time, (MessageDirection)entry.Direction, payload);
                break;
            case TraceRecordKind.Decision:
                _writer.WriteDecision(entry.Connection, time, payload);
                break;
            case TraceRecordKind.Detached when connection.TakeDetached() is { } detached:
                _writer.Write(detached, entry.Connection, time);
                break;
            default:
                break;
        }
    }

    private void WriteMessage(RecordedConnection connection, long time, MessageDirection direction, ReadOnlySpan<byte> message)
    {
        (int Offset, int Length)? memory = null;
        var isEvent = connection.Memory?.See(direction, message, out memory) ?? false;
        if (CaptureConversation.IsAnswer(direction, message))
        {
            // Who knows the hash can pass as this tool: it is the secret of the handshake, and has no place in a file that is handed on.
            message = WithoutHash(message);
        }

        _writer.WriteMessage(connection.Number, time, direction, message, isEvent, memory, _keep);
    }

    private static byte[] WithoutHash(ReadOnlySpan<byte> answer)
    {
        var copy = answer.ToArray();
        copy.AsSpan(sizeof(uint), HandshakeAnswer.Length - sizeof(uint)).Clear();
        return copy;
    }

    private void WritePolicies(long time)
    {
        while (_policies.TryDequeue(out var policy))
        {
            _writer.Write(policy, time);
        }
    }

    /// <summary>The stream refuses: what is whole stays, the rest is cut off, and the run goes on without a trace.</summary>
    private void Fail(Exception exception)
    {
        Volatile.Write(ref _ended, true);
        var problem = exception.Message;
        try
        {
            _stream.SetLength(_writer.LastWhole);
            _stream.Dispose();
        }
        catch (Exception second) when (second is IOException or NotSupportedException or UnauthorizedAccessException or ObjectDisposedException)
        {
            problem += $" Its end could not be cut off either: {second.Message}";
        }

        _failed?.Invoke(problem);
    }
}
