using Kvmi.Protocol;
using Kvmi.Protocol.Commands;
using Kvmi.Protocol.Dialects;

namespace Kvmi.Conformance.Tests.Captures;

/// <summary>Replies of real kernels to commands outside a capture's own course; what no capture holds is answered as a permissive kernel would.</summary>
internal sealed class ReplyBook
{
    private const ulong Features = 0;
    private readonly Dialect _dialect;
    private readonly Dictionary<string, byte[]> _replies = [];

    public ReplyBook(Dialect dialect, IEnumerable<CaptureScript> scripts)
    {
        _dialect = dialect;
        foreach (var step in scripts.SelectMany(script => script.Steps).Where(step => step.Role == MessageRole.Command && step.Reply is not null))
        {
            _replies.TryAdd(Key(step.Bytes), step.Reply!.Bytes);
        }
    }

    /// <summary>The reply to a command; its sequence number is for the caller to set.</summary>
    public byte[] Answer(byte[] command)
    {
        if (_replies.TryGetValue(Key(command), out var captured))
        {
            return captured;
        }

        MessageHeader.TryRead(command, out var header);
        var data = new byte[64];
        var length = !_dialect.TryGetCommand(header.Id, out var kind) ? 0 : kind switch
        {
            CommandKind.GetVersion => _dialect.WriteData(data, new VersionReply(1, 8184, Features)),
            CommandKind.GetVmInfo => _dialect.WriteData(data, new VmInfoReply(2, 0)),
            CommandKind.GetMaxGfn => _dialect.WriteNumberData(data, 0x10000),
            _ => 0,
        };
        var reply = new byte[128];
        return reply[..(length == 0
            ? _dialect.WriteReply(reply, header.Id, header.Sequence, KvmiError.None)
            : _dialect.WriteReply(reply, header.Id, header.Sequence, data.AsSpan(0, length)))];
    }

    private static string Key(byte[] message) => Convert.ToHexString(message.AsSpan(0, 2)) + Convert.ToHexString(message.AsSpan(MessageHeader.Length));
}
