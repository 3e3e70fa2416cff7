using System.CommandLine;
using Kvmi.Benchmarks;
using Kvmi.Benchmarks.Verbs;

var root = new RootCommand("Measure kvmi-policy beside responders in C, in rounds that take turns within one run.\n\n"
    + "Example:\n  dotnet run -c Release --project tests/Benchmarks -- latency");
(string Name, string Text, int Rounds, Action<Bench> Body)[] verbs =
[
    ("latency", "One event, from its send to its reply, beside C; the project's goals", 7, LatencyVerb.Run),
    ("policies", "What 0 to 1,000 policies, plugins, audit mode and alerts cost", 5, PoliciesVerb.Run),
    ("scale", "1 to 32 vCPUs on a connection, 1 to 64 VMs", 5, ScaleVerb.Run),
    ("memory-reads", "Handlers that read guest memory", 5, MemoryReadsVerb.Run),
    ("reload", "Save of a script until it is live, under load", 7, ReloadVerb.Run),
    ("start", "Process start until the policies are live", 3, StartVerb.Run),
    ("lateness", "A handler that never returns", 5, LatenessVerb.Run),
];
foreach (var (name, text, defaultRounds, body) in verbs)
{
    var rounds = new Option<int>("--rounds") { Description = "Rounds for each tool", DefaultValueFactory = _ => defaultRounds };
    var seconds = new Option<double>("--seconds") { Description = "Length of a round", DefaultValueFactory = _ => 0.4 };
    var warmUp = new Option<double>("--warm-up") { Description = "Seconds of load on kvmi-policy before the first round", DefaultValueFactory = _ => 2 };
    var json = new Option<bool>("--json") { Description = "JSON lines instead of tables" };
    var histogram = new Option<bool>("--histogram") { Description = "Also how the times are distributed" };
    rounds.Validators.Add(result => Check(result, rounds, 1, 1000));
    seconds.Validators.Add(result => Check(result, seconds, 0.01, 600));
    warmUp.Validators.Add(result => Check(result, warmUp, 0.01, 600));
    var verb = new Command(name, $"{text}.\n\nExample:\n  dotnet run -c Release --project tests/Benchmarks -- {name} --rounds 9 --seconds 1")
    {
        rounds, seconds, warmUp, json, histogram,
    };
    verb.SetAction(parse => Run(body, new BenchOptions(
        parse.GetValue(rounds),
        TimeSpan.FromSeconds(parse.GetValue(seconds)),
        TimeSpan.FromSeconds(parse.GetValue(warmUp)),
        parse.GetValue(json),
        parse.GetValue(histogram))));
    root.Add(verb);
}

var parsed = root.Parse(args.Length == 0 || args[0].StartsWith("--", StringComparison.Ordinal) && args[0] is not ("--help" or "--version") ? ["latency", .. args] : args);
return parsed.Errors.Count > 0 ? Math.Max(2, parsed.Invoke()) : parsed.Invoke();

static void Check<T>(System.CommandLine.Parsing.OptionResult result, Option<T> option, double least, double most)
    where T : IConvertible
{
    if (result.Tokens.Count > 0 && result.GetValue(option) is { } value && value.ToDouble(null) is var number && !(number >= least && number <= most))
    {
        result.AddError($"{option.Name} is from {least} to {most}.");
    }
}

static int Run(Action<Bench> body, BenchOptions options)
{
    try
    {
        using var bench = new Bench(options, Console.Out);
        body(bench);
        return 0;
    }
    catch (BenchmarkException exception)
    {
        Console.Error.WriteLine($"benchmarks: {exception.Message}");
        return 3;
    }
}
