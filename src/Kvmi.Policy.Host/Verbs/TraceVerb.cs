using System.CommandLine;
using System.Globalization;
using Kvmi.Policy.Host.CommandLine;
using Kvmi.Policy.Host.Output;
using Kvmi.Policy.Host.Output.Records;
using Kvmi.Policy.Host.Traces;
using Kvmi.Policy.Testing.Traces;
using Kvmi.Policy.Testing.Traces.Editing;

namespace Kvmi.Policy.Host.Verbs;

/// <summary>trace: shows, checks, cuts and redacts recordings.</summary>
internal static class TraceVerb
{
    public static Command Create() =>
        new("trace", "Look into traces that run --record has made, and make smaller or redacted ones.\n\nExample:\n  kvmi-policy trace show run.kvmitrace")
        {
            Show(), Verify(), Cut(), Redact(),
        };

    private static Command Show()
    {
        var file = File();
        var events = new Option<bool>("--events") { Description = "One line for each decided event, with the votes" };
        var json = CommonOptions.Json();
        var verb = new Command("show",
            "Print VMs, policies and counts of a trace.\n\nExample:\n  kvmi-policy trace show run.kvmitrace --events")
        {
            file, events, json,
        };
        Attach(verb, json, (parse, context) =>
        {
            var path = parse.GetRequiredValue(file);
            using var trace = TraceFiles.Open(path);
            using var second = parse.GetValue(events) ? TraceFiles.Open(path) : null;
            return new TraceShow(context.Results).Run(trace, second);
        });
        return verb;
    }

    private static Command Verify()
    {
        var file = File();
        var json = CommonOptions.Json();
        var verb = new Command("verify",
            "Check every chunk, record and message of a trace.\n\nExample:\n  kvmi-policy trace verify run.kvmitrace")
        {
            file, json,
        };
        Attach(verb, json, (parse, context) =>
        {
            using var trace = TraceFiles.Open(parse.GetRequiredValue(file));
            return TraceVerification.Run(context.Results, trace);
        });
        return verb;
    }

    private static Command Cut()
    {
        var file = File();
        var output = Output();
        var events = new Option<(long First, long Last)?>("--event")
        {
            Description = "Numbers of the events to keep: 10..20, 10.., ..20 or 10",
            HelpName = "N..M",
            CustomParser = EventRangeText.Parse,
        };
        var from = new Option<TimeSpan?>("--from")
        {
            Description = "Keep events from this time of the trace on: 500ms, 10s",
            HelpName = "DURATION",
            CustomParser = DurationText.Parse,
        };
        var to = new Option<TimeSpan?>("--to")
        {
            Description = "Keep events up to this time of the trace",
            HelpName = "DURATION",
            CustomParser = DurationText.Parse,
        };
        var json = CommonOptions.Json();
        var verb = new Command("cut",
            "Make a trace of some events of another one. It keeps what these need: the handshake, what was switched on, the memory that was read before. "
            + "Events are numbered from 1 again; state that policies had gathered by then is not in a trace.\n\nExample:\n  kvmi-policy trace cut run.kvmitrace --event 10..20 -o small.kvmitrace")
        {
            file, events, from, to, output, json,
        };
        Attach(verb, json, (parse, context) =>
        {
            if (parse.GetValue(events) is null && parse.GetValue(from) is null && parse.GetValue(to) is null)
            {
                throw new UsageException("Say what to keep: --event N..M, --from or --to.");
            }

            var (first, last) = parse.GetValue(events) ?? (1, long.MaxValue);
            var range = new TraceRange(
                first, last, Nanoseconds(parse.GetValue(from)) ?? long.MinValue, Nanoseconds(parse.GetValue(to)) ?? long.MaxValue);
            return Copy(context.Results, parse.GetRequiredValue(file), parse.GetRequiredValue(output), (source, target) => TraceCopy.Cut(source, range, target), result =>
                string.Create(
                    CultureInfo.InvariantCulture,
                    $"{Words.Count(result.Events, "event")} kept, {result.Dropped} left out{(result.FirstEvent > 0 ? $"; event 1 was event {result.FirstEvent}" : "")}"));
        });
        return verb;
    }

    private static Command Redact()
    {
        var file = File();
        var output = Output();
        var contents = new Option<KeptContents?>("--contents")
        {
            Description = "What remains of guest memory: hash (default; nothing of pieces under 64 bytes) or zero (only how long it was)",
            HelpName = "hash|zero",
            CustomParser = result => CommonOptions.Choose<KeptContents>(result, [("hash", KeptContents.Hash), ("zero", KeptContents.Nothing)]),
        };
        var json = CommonOptions.Json();
        var verb = new Command("redact",
            "Make a trace without the contents of guest memory. Registers, addresses, XSAVE areas, the VM's name and UUID and the ids of policies remain; "
            + "alerts are not part of a trace.\n\nExample:\n  kvmi-policy trace redact run.kvmitrace -o public.kvmitrace")
        {
            file, contents, output, json,
        };
        Attach(verb, json, (parse, context) => Copy(
            context.Results, parse.GetRequiredValue(file), parse.GetRequiredValue(output),
            (source, target) => TraceCopy.Redact(source, parse.GetValue(contents) ?? KeptContents.Hash, target),
            result => $"{Words.Count(result.Contents, "piece")} of guest memory left out; registers, addresses and names are still in it"));
        return verb;
    }

    private static int Copy(ResultWriter results, string from, string to, Func<TraceFile, Stream, TraceCopyResult> copy, Func<TraceCopyResult, string> describe)
    {
        using var source = TraceFiles.Open(from);
        TraceCopyResult result;
        using (var target = TraceFiles.Create("-o", to))
        {
            try
            {
                result = copy(source, target);
            }
            catch
            {
                System.IO.File.Delete(to);
                throw;
            }
        }

        foreach (var problem in source.Problems)
        {
            Console.Error.WriteLine($"kvmi-policy: {from}: {problem}");
        }

        results.Write(new TotalsOutput
        {
            Time = results.Now,
            Kind = "trace",
            Counts =
            [
                new("events", result.Events), new("dropped", result.Dropped), new("firstEvent", result.FirstEvent), new("contentsRemoved", result.Contents),
                new("bytes", result.Length),
            ],
            Text = string.Create(CultureInfo.InvariantCulture, $"{to}: {describe(result)}; {result.Length} bytes"),
        });
        return source.Problems.Count == 0 ? ExitCode.Fine : ExitCode.Failure;
    }

    private static long? Nanoseconds(TimeSpan? time) => time is { } span ? span.Ticks * 100 : null;

    private static Argument<string> File() => new("FILE") { Description = "Trace" };

    private static Option<string> Output() => new("--output", "-o") { Description = "The new trace", HelpName = "FILE", Required = true };

    private static void Attach(Command verb, Option<bool> json, Func<ParseResult, VerbContext, int> body) =>
        VerbRunner.Attach(verb, json, (parse, context) => Task.FromResult(TraceFiles.Read(() => body(parse, context))));
}
