using System.Buffers;
using System.Net.Sockets;
using Kvmi.Policy.Host.Output;

namespace Kvmi.Policy.Host.Sinks;

/// <summary>JSON lines over a stream socket. A line that a connection cut off is sent again over the next one.</summary>
internal sealed class StreamSink : IRecordSink
{
    private readonly SinkConnection _connection;
    private readonly JsonLineRenderer _renderer = new();
    private readonly ArrayBufferWriter<byte> _buffer = new(4096);

    private StreamSink(SinkAddress address) => _connection = new SinkConnection(address);

    public int MaxBatch => 64;

    /// <summary>Reads target and options.</summary>
    public static Func<TimeProvider, IRecordSink> Read(string target, SinkOptionList options)
    {
        var address = SinkAddress.Read(target, options, SocketType.Stream, allowsUdp: false);
        return _ => new StreamSink(address);
    }

    public async ValueTask DeliverAsync(SinkBatch batch, CancellationToken cancellation)
    {
        _buffer.ResetWrittenCount();
        foreach (var record in batch.Rest)
        {
            _renderer.Render(record, _buffer);
        }

        await _connection.SendAsync(_buffer.WrittenMemory, cancellation).ConfigureAwait(false);
        batch.Delivered = batch.Records.Count;
    }

    public void Dispose() => _connection.Dispose();
}
