using System.Globalization;
using Kvmi.Fuzz;
using Kvmi.Fuzz.Messages;
using Kvmi.Protocol.Dialects;

const long Block = 64 * FuzzRun.ConversationLength;
var time = TimeProvider.System;
if (FuzzOptions.Parse(args, out var error) is not { } options)
{
    Console.Error.WriteLine($"{error}\n\n{FuzzOptions.Usage}");
    return 2;
}

var corpus = SeedCorpus.Make(options.Captures, Dialect.All);
var run = new FuzzRun(corpus, options.Seed);
Console.WriteLine(
    $"{corpus.Count} messages of {string.Join(", ", corpus.Dialects.Select(dialect => dialect.Name))} to begin with, "
    + $"{corpus.Captures.Count} captures; seed {options.Seed}");
using var watchdog = new Watchdog(run, time, number =>
{
    Console.Error.WriteLine($"Message {number} of seed {options.Seed} hangs. Again: {FuzzOptions.Again(options.Seed, number)}");
    Environment.Exit(1);
});

var started = time.GetTimestamp();
var first = options.First / FuzzRun.ConversationLength * FuzzRun.ConversationLength;
var end = first + options.Messages;
try
{
    for (var number = first; number < end; number += Block)
    {
        run.Run(number, Math.Min(Block, end - number));
        Progress(number + Block - first);
    }
}
catch (FuzzFindingException finding)
{
    Console.Error.WriteLine($"\nFOUND {finding.Message}\n\n{finding.InnerException}");
    return 1;
}

var elapsed = time.GetElapsedTime(started);
Progress(options.Messages);
Console.WriteLine(run.Statistics);
Console.WriteLine(string.Create(
    CultureInfo.InvariantCulture,
    $"{options.Messages} messages in {elapsed.TotalSeconds:0.0} s, {options.Messages / elapsed.TotalSeconds:0} messages/s; nothing found"));
return 0;

void Progress(long done)
{
    if (!Console.IsErrorRedirected)
    {
        Console.Error.Write($"\r{Math.Min(done, options.Messages)} of {options.Messages} messages{(done >= options.Messages ? "\n" : "")}");
    }
}
