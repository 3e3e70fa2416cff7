using System.Globalization;
using System.Security.Cryptography;
using Kvmi.Policy.Host.CommandLine;
using Kvmi.Policy.Host.Output;
using Kvmi.Policy.Host.Output.Records;
using Kvmi.Policy.Testing.Traces;
using Kvmi.Policy.Testing.Traces.Records;
using Kvmi.Protocol.Captures;
using Kvmi.Protocol.Dialects;
using Kvmi.Protocol.Layouts;

namespace Kvmi.Policy.Host.Traces;

/// <summary>Reads all of a trace and says what is wrong with it: checksums, records, messages that cannot be understood, events without an answer.</summary>
internal static class TraceVerification
{
    private const int MaxReported = 100;

    /// <returns>The exit code.</returns>
    public static int Run(ResultWriter results, TraceFile trace)
    {
        Dictionary<uint, MessageDecoder> decoders = [];
        List<string> problems = [];
        long messages = 0, records = 0, unknown = 0, lost = 0;
        var ended = false;
        foreach (var record in trace.Records())
        {
            records++;
            switch (record)
            {
                case TraceVm vm when Dialect.All.FirstOrDefault(dialect => dialect.Name == vm.Dialect) is { } dialect:
                    decoders.TryAdd(vm.Connection, new MessageDecoder(dialect.Id));
                    break;
                case TraceVm vm:
                    problems.Add($"record {vm.Number}: the dialect '{vm.Dialect}' is not known.");
                    break;
                case TraceMessage message:
                    messages++;
                    if (Problem(decoders, message) is { } problem)
                    {
                        unknown++;
                        problems.Add(problem);
                    }

                    break;
                case TraceContents { Bytes: { } bytes } contents when !SHA256.HashData(bytes).AsSpan().SequenceEqual(contents.Hash.Span):
                    problems.Add($"record {contents.Number}: contents {contents.Id} do not have the hash that they claim.");
                    break;
                case TraceGap gap:
                    lost += Math.Max(0, gap.Lost);
                    break;
                case TraceEnd end:
                    ended = true;
                    if (end.Messages != messages)
                    {
                        problems.Add($"the trace says that it has {end.Messages} messages; it has {messages}.");
                    }

                    break;
                default:
                    break;
            }
        }

        problems.InsertRange(0, trace.Problems);
        if (trace.Incomplete is { } incomplete)
        {
            problems.Insert(0, incomplete);
        }
        else if (!ended)
        {
            problems.Add("the end record is missing.");
        }

        foreach (var problem in problems.Take(MaxReported))
        {
            results.Write(new TraceOutput { Time = results.Now, Type = "traceProblem", Fields = [new("reason", problem)], Text = $"problem: {problem}" });
        }

        results.Write(new TotalsOutput
        {
            Time = results.Now,
            Kind = "trace",
            Counts =
            [
                new("chunks", trace.Chunks.Count), new("records", records), new("messages", messages), new("unknown", unknown), new("lost", lost),
                new("problems", problems.Count),
            ],
            Text = string.Create(
                CultureInfo.InvariantCulture,
                $"{trace.Name}: {Words.Count(trace.Chunks.Count, "chunk")}, {Words.Count(records, "record")}, {Words.Count(messages, "message")}; {(problems.Count == 0 ? "nothing is wrong" : Words.Count(problems.Count, "problem"))}{(lost > 0 ? $"; {lost} records were lost while it was recorded" : "")}"),
        });
        return problems.Count == 0 ? ExitCode.Fine : ExitCode.Failure;
    }

    private static string? Problem(Dictionary<uint, MessageDecoder> decoders, TraceMessage message)
    {
        if (CaptureConversation.IsHello(message.Direction, message.Bytes) || CaptureConversation.IsAnswer(message.Direction, message.Bytes)
            || !decoders.TryGetValue(message.Connection, out var decoder))
        {
            return null;
        }

        var decoded = decoder.Decode(message.Direction, message.Bytes);
        return decoded.Problem is { } problem ? $"record {message.Number}: {decoded.Name} cannot be understood: {problem.Reason}" : null;
    }
}
