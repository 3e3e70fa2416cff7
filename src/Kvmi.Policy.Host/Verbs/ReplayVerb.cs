using System.CommandLine;
using System.Globalization;
using Kvmi.Policy.Engine.Containment.Metering;
using Kvmi.Policy.Engine.Output;
using Kvmi.Policy.Host.CommandLine;
using Kvmi.Policy.Host.Decoding;
using Kvmi.Policy.Host.Loading;
using Kvmi.Policy.Host.Output;
using Kvmi.Policy.Host.Output.Records;
using Kvmi.Policy.Host.Running;
using Kvmi.Policy.Host.Traces;
using Kvmi.Policy.Testing.Replay;

namespace Kvmi.Policy.Host.Verbs;

/// <summary>replay: feeds the events of captures to the policies and prints the decisions beside the recorded replies.</summary>
internal static class ReplayVerb
{
    public static Command Create()
    {
        var files = new Argument<string[]>("FILE") { Description = "Trace of run --record, or hex capture", Arity = ArgumentArity.OneOrMore };
        var policies = CommonOptions.Policies();
        policies.Aliases.Add("--policy");
        var loose = new Option<bool>("--loose") { Description = "What a trace does not hold is unreadable for the policies, instead of failing the replay" };
        var diff = new Option<string?>("--diff")
        {
            Description = "List only the events of a trace that are decided differently: than recorded (previous), than in another trace, or than by other policies. "
                + "Exit code 1 when there are any",
            HelpName = "previous|TRACE|DIR",
        };
        var plugins = CommonOptions.Plugins();
        var mode = CommonOptions.Mode();
        var json = CommonOptions.Json();
        var verb = new Command("replay",
            "Feed recorded events to the policies and compare the replies with the recorded ones.\n\nExamples:\n  kvmi-policy replay run.kvmitrace --policies policies --diff previous\n  kvmi-policy replay kvmi-v7-linux-cr3.hex --policies policies")
        {
            files, policies, plugins, mode, loose, diff, json,
        };
        var security = new SecurityOptions();
        security.AddTo(verb);
        var cache = new CompileCacheOptions();
        cache.AddTo(verb);
        VerbRunner.Attach(verb, json, (parse, context) =>
        {
            var directories = DefaultDirectories.Policies(parse.GetRequiredValue(policies));
            var workshop = new PolicyWorkshop(context.Time, DefaultDirectories.Plugins(parse.GetRequiredValue(plugins)),
                parse.GetValue(mode), security.Read(parse), cache: cache.Read(parse, context));
            return Task.FromResult(PolicyThread.Run(() => parse.GetRequiredValue(files).Select(file => TraceFiles.IsTrace(file)
                ? new TraceReplayRun(context, workshop, directories, parse.GetValue(diff), parse.GetValue(loose)).Run(file)
                : parse.GetValue(diff) is null && !parse.GetValue(loose)
                    ? Replay(context, workshop, directories, new CaptureFile(file))
                    : throw new UsageException($"{file}: --diff and --loose are about traces, and this is a hex capture.")).ToList().Max()));
        });
        return verb;
    }

    private static int Replay(VerbContext context, PolicyWorkshop workshop, IReadOnlyList<string> policies, CaptureFile capture)
    {
        var dialect = CaptureDialect.Find(capture.Path, capture.Entries(), asked: null);
        if (workshop.Build(policies, context.Results) is not { } generation)
        {
            return ExitCode.Failure;
        }

        using var replay = new CaptureReplay(Path.GetFileName(capture.Path), capture.Entries(), dialect, generation);
        void Say(OutputRecord record) => context.Results.Write(record with { Time = context.Results.Now });
        ReplayLines.Of(replay.AttachOutput).ForEach(Say);
        Dictionary<ReplyMatch, long> matches = [];
        long notRecorded = 0;
        foreach (var step in replay.Run())
        {
            ReplayLines.Of(step.Output).ForEach(Say);
            context.Results.Write(ReplayLines.Of(step, context.Results.Now));
            matches[step.Match] = matches.GetValueOrDefault(step.Match) + 1;
            notRecorded += step.NotRecorded.Count;
        }

        ReplayLines.Report(capture.Path, replay.Problems);
        ReplayLines.Of(replay.Summary(), context.Results.Now).ForEach(context.Results.Write);
        context.Results.Write(Totals(context.Results, capture.Path, matches, notRecorded));
        return replay.Problems.Count == 0 ? ExitCode.Fine : ExitCode.Failure;
    }

    private static TotalsOutput Totals(ResultWriter results, string file, Dictionary<ReplyMatch, long> matches, long notRecorded)
    {
        long Of(ReplyMatch match) => matches.GetValueOrDefault(match);
        var events = matches.Values.Sum();
        var replies = events - Of(ReplyMatch.None);
        return new TotalsOutput
        {
            Time = results.Now,
            Kind = "replay",
            Counts =
            [
                new("events", events), new("replies", replies), new("bytes", Of(ReplyMatch.Bytes)), new("layout", Of(ReplyMatch.Layout)),
                new("length", Of(ReplyMatch.Length)), new("different", Of(ReplyMatch.Different)), new("notRecorded", notRecorded),
            ],
            Text = string.Create(
                CultureInfo.InvariantCulture,
                $"{file}: {Words.Count(events, "event")} decided, {replies} recorded replies: {Of(ReplyMatch.Bytes)} with the same bytes, {Of(ReplyMatch.Layout)} with the same layout, "
                + $"{Of(ReplyMatch.Length)} with the same length, {Of(ReplyMatch.Different)} different; {notRecorded} commands not recorded"),
        };
    }
}
