using System.Buffers;
using System.Globalization;
using System.Net.Sockets;
using System.Text;

namespace Kvmi.Policy.Host.Sinks;

/// <summary>RFC 5424 messages: a datagram each, or over a stream with their length before them (RFC 6587, octet counting).</summary>
internal sealed class SyslogSink : IRecordSink
{
    private readonly SinkConnection _connection;
    private readonly SyslogMessage _message;
    private readonly bool _isStream;
    private readonly ArrayBufferWriter<byte> _frame = new(SyslogMessage.MaxLength + 8);

    private SyslogSink(SinkAddress address, SyslogFacility facility, int enterprise)
    {
        _connection = new SinkConnection(address);
        _isStream = address.Type == SocketType.Stream;
        _message = new SyslogMessage(facility, enterprise, Environment.MachineName, Environment.ProcessId);
    }

    public int MaxBatch => 64;

    /// <summary>Reads target and options.</summary>
    public static Func<TimeProvider, IRecordSink> Read(string target, SinkOptionList options)
    {
        var address = SinkAddress.Read(target, options, SocketType.Dgram, allowsUdp: true);
        var facility = options.TakeWord("facility", Enum.GetValues<SyslogFacility>(), SyslogFacility.Authpriv);
        var enterprise = (int)options.TakeNumber("enterprise", 1, int.MaxValue, SyslogMessage.DocumentationEnterprise);
        return _ => new SyslogSink(address, facility, enterprise);
    }

    public async ValueTask DeliverAsync(SinkBatch batch, CancellationToken cancellation)
    {
        while (batch.Delivered < batch.Records.Count)
        {
            var message = _message.Render(batch.Records[batch.Delivered]);
            if (_isStream)
            {
                _frame.ResetWrittenCount();
                Encoding.ASCII.GetBytes(string.Create(CultureInfo.InvariantCulture, $"{message.Length} "), _frame);
                _frame.Write(message.Span);
                message = _frame.WrittenMemory;
            }

            try
            {
                await _connection.SendAsync(message, cancellation).ConfigureAwait(false);
            }
            catch (SocketException exception) when (exception.SocketErrorCode == SocketError.MessageSize)
            {
                throw new SinkRefusedException($"the receiver takes no datagrams of {message.Length} bytes");
            }

            batch.Delivered++;
        }
    }

    public void Dispose() => _connection.Dispose();
}
