using System.Globalization;
using Kvmi.Policy.Host.CommandLine;
using Kvmi.Policy.Host.Decoding;
using Kvmi.Policy.Host.Output;
using Kvmi.Policy.Host.Output.Records;
using Kvmi.Policy.Testing.Traces;
using Kvmi.Policy.Testing.Traces.Records;
using Kvmi.Protocol.Captures;
using Kvmi.Protocol.Dialects;
using Kvmi.Protocol.Layouts;

namespace Kvmi.Policy.Host.Traces;

/// <summary>decode of a trace: every message of every connection, in order.</summary>
internal static class TraceDecoding
{
    /// <returns>The exit code.</returns>
    public static int Run(VerbContext context, string path, bool verify) => TraceFiles.Read(() =>
    {
        using var trace = TraceFiles.Open(path);
        return Run(context.Results, path, trace, verify);
    });

    private static int Run(ResultWriter results, string path, TraceFile trace, bool verify)
    {
        // A VM's record stands behind its handshake and detection, which are in its dialect too.
        Dictionary<uint, Conversation> conversations = [];
        foreach (var vm in trace.Records().OfType<TraceVm>())
        {
            if (Dialect.All.FirstOrDefault(dialect => dialect.Name == vm.Dialect) is { } dialect)
            {
                conversations.TryAdd(vm.Connection, new(RecordedDecisions.NameOf(vm), dialect, new MessageDecoder(dialect.Id), new MessageEncoder(dialect.Id)));
            }
        }

        long messages = 0, unknown = 0, matched = 0, mismatched = 0;
        foreach (var message in trace.Records().OfType<TraceMessage>())
        {
            var conversation = conversations.GetValueOrDefault(message.Connection);
            var item = new CaptureItem(Entry(message), Decode(conversation, message));
            var line = MessageLines.Of(item, conversation?.Dialect, results.Now);
            results.Write(line with { Vm = conversation?.Name });
            messages++;
            unknown += line.Offset is null ? 0 : 1;
            if (verify && item.Message is { } decoded && conversation is not null)
            {
                var same = conversation.Encoder.Encode(decoded).AsSpan().SequenceEqual(message.Bytes);
                matched += same ? 1 : 0;
                mismatched += same ? 0 : 1;
            }
        }

        foreach (var problem in trace.Problems)
        {
            Console.Error.WriteLine($"kvmi-policy: {path}: {problem}");
        }

        List<KeyValuePair<string, long>> counts = [new("messages", messages), new("unknown", unknown)];
        var text = string.Create(CultureInfo.InvariantCulture, $"{path}: {messages} messages of {Words.Count(conversations.Count, "VM")}, {unknown} unknown");
        if (verify)
        {
            counts.AddRange([new("matched", matched), new("mismatched", mismatched)]);
            text += string.Create(CultureInfo.InvariantCulture, $"; {matched} matched when encoded again, {mismatched} did not");
        }

        results.Write(new TotalsOutput { Time = results.Now, Kind = "decode", Counts = counts, Text = text });
        return unknown + mismatched + trace.Problems.Count == 0 ? ExitCode.Fine : ExitCode.Failure;
    }

    private static HexCaptureEntry Entry(TraceMessage message) => new()
    {
        Line = (int)Math.Min(message.Number, int.MaxValue),
        Direction = message.Direction,
        Time = TimeSpan.FromTicks(message.Nanoseconds / 100),
        Note = "its dialect is not known, because the peer never became a VM",
        Bytes = message.Bytes,
    };

    private static DecodedMessage? Decode(Conversation? conversation, TraceMessage message) =>
        CaptureConversation.IsHello(message.Direction, message.Bytes) ? MessageDecoder.DecodeHello(message.Bytes)
        : CaptureConversation.IsAnswer(message.Direction, message.Bytes) ? MessageDecoder.DecodeAnswer(message.Bytes)
        : conversation?.Decoder.Decode(message.Direction, message.Bytes);

    private sealed record Conversation(string Name, Dialect Dialect, MessageDecoder Decoder, MessageEncoder Encoder);
}
