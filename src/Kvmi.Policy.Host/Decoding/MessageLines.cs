using Kvmi.Policy.Engine.Output;
using Kvmi.Policy.Host.Output;
using Kvmi.Policy.Host.Output.Records;
using Kvmi.Protocol.Captures;
using Kvmi.Protocol.Dialects;
using Kvmi.Protocol.Layouts;

namespace Kvmi.Policy.Host.Decoding;

/// <summary>Makes output lines of decoded messages.</summary>
internal static class MessageLines
{
    private const string Unknown = "unknown";

    /// <summary>The line of one capture entry.</summary>
    public static MessageOutput Of(CaptureItem item, Dialect? dialect, DateTimeOffset time)
    {
        var entry = item.Entry;
        var direction = entry.Direction == MessageDirection.ToolToKernel ? "tool-to-kernel" : "kernel-to-tool";
        var milliseconds = entry.Time?.TotalMilliseconds;
        if (item.Message is not { } message)
        {
            return new MessageOutput
            {
                Time = time,
                Milliseconds = milliseconds,
                Direction = direction,
                Name = entry.Error is null ? "none" : Unknown,
                Role = "none",
                Line = entry.Line,
                Offset = entry.Error is null ? null : 0,
                Reason = entry.Error ?? entry.Note,
            };
        }

        var isHandshake = message.Role == MessageRole.Handshake;
        return new MessageOutput
        {
            Time = time,
            Milliseconds = milliseconds,
            Direction = direction,
            Id = isHandshake ? null : message.Id,
            Name = message.Problem is null ? message.Name : Unknown,
            Role = Words.CamelCase(message.Role.ToString()),
            Sequence = isHandshake ? null : message.Sequence,
            Vcpu = (int?)message.Find("vcpu")?.Number,
            Event = EventName(message, dialect),
            Error = message.Error,
            Fields = [.. message.Fields.Select(field => new OutputField(field.Name, Value(field.Value)))],
            Line = entry.Line,
            Offset = message.Problem?.Offset,
            Reason = message.Problem?.Reason,
        };
    }

    private static string? EventName(DecodedMessage message, Dialect? dialect) =>
        message.Role is MessageRole.Event or MessageRole.EventReply
        && message.Find("event") is { Number: <= ushort.MaxValue and var id }
        && dialect is not null
        && dialect.TryGetEvent((ushort)id, out var kind)
            ? Words.Of(kind)
            : null;

    private static object? Value(FieldValue value) => value.Kind switch
    {
        FieldValueKind.Unsigned => value.Number,
        FieldValueKind.Signed => value.SignedNumber,
        FieldValueKind.Bytes => value.Data.ToArray(),
        FieldValueKind.Text => value.Text,
        FieldValueKind.Structure => value.Fields.Select(field => new OutputField(field.Name, Value(field.Value))).ToList(),
        _ => value.Items.Select(Value).ToList(),
    };
}
