using System.CommandLine;
using Kvmi.Policy.Host.CommandLine;
using Kvmi.Policy.Host.Decoding;
using Kvmi.Policy.Host.Output.Records;
using Kvmi.Policy.Host.Traces;
using Kvmi.Protocol;
using Kvmi.Protocol.Captures;
using Kvmi.Protocol.Dialects;
using Kvmi.Protocol.Layouts;

namespace Kvmi.Policy.Host.Verbs;

/// <summary>decode: prints the messages of captures, and checks that re-encoding gives the same bytes.</summary>
internal static class DecodeVerb
{
    public static Command Create()
    {
        var files = new Argument<string[]>("FILE") { Description = "Hex capture, or trace of run --record", Arity = ArgumentArity.OneOrMore };
        var dialect = CommonOptions.Dialect(auto: true);
        var verify = new Option<bool>("--verify") { Description = "Encode every decoded message again and compare the bytes" };
        var json = CommonOptions.Json();
        var verb = new Command("decode",
            "Print every message of a capture.\n\nExample:\n  kvmi-policy decode --verify kvmi-v7-linux-cr3.hex")
        {
            files, dialect, verify, json,
        };
        VerbRunner.Attach(verb, json, (parse, context) =>
            Task.FromResult(Run(context, parse.GetRequiredValue(files), parse.GetValue(dialect), parse.GetValue(verify))));
        return verb;
    }

    private static int Run(VerbContext context, string[] files, KvmiDialect? asked, bool verify)
    {
        var exitCode = ExitCode.Fine;
        foreach (var file in files)
        {
            var one = TraceFiles.IsTrace(file) ? TraceDecoding.Run(context, file, verify) : Decode(context, new CaptureFile(file), asked, verify);
            exitCode = Math.Max(exitCode, one);
        }

        return exitCode;
    }

    private static int Decode(VerbContext context, CaptureFile capture, KvmiDialect? asked, bool verify)
    {
        var id = CaptureDialect.Find(capture.Path, capture.Entries(), asked);
        var dialect = Dialect.Find(id);
        var encoder = new MessageEncoder(id);
        long messages = 0, unknown = 0, matched = 0, mismatched = 0;
        foreach (var item in CaptureConversation.Decode(capture.Entries(), id))
        {
            var line = MessageLines.Of(item, dialect, context.Results.Now);
            context.Results.Write(line);
            unknown += line.Offset is null ? 0 : 1;
            if (item.Message is { } message)
            {
                messages++;
                var same = verify && encoder.Encode(message).AsSpan().SequenceEqual(item.Entry.Bytes);
                matched += same ? 1 : 0;
                mismatched += verify && !same ? 1 : 0;
                if (verify && !same)
                {
                    Console.Error.WriteLine($"kvmi-policy: {capture.Path}:{item.Entry.Line}: encoding this {message.Name} again gives other bytes.");
                }
            }
        }

        List<KeyValuePair<string, long>> counts = [new("messages", messages), new("unknown", unknown)];
        var text = $"{capture.Path}: dialect {CommonOptions.DialectName(id)}, {messages} messages, {unknown} unknown";
        if (verify)
        {
            counts.AddRange([new("matched", matched), new("mismatched", mismatched)]);
            text += $"; {matched} matched when encoded again, {mismatched} did not";
        }

        context.Results.Write(new TotalsOutput { Time = context.Results.Now, Kind = "decode", Counts = counts, Text = text });
        return unknown + mismatched == 0 ? ExitCode.Fine : ExitCode.Failure;
    }
}
