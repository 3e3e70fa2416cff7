using System.Globalization;
using Kvmi.Fuzz;
using Kvmi.Fuzz.Messages;
using Kvmi.Fuzz.Traces;
using Kvmi.Protocol.Dialects;

const long Block = 64 * FuzzRun.ConversationLength;
var time = TimeProvider.System;
if (FuzzOptions.Parse(args, out var error) is not { } options)
{
    Console.Error.WriteLine($"{error}\n\n{FuzzOptions.Usage}");
    return 2;
}

IFuzzRun run = options.What == FuzzOptions.TracesWord
    ? new TraceFuzzRun(SeedTrace.Of(options.Traces), options.Seed)
    : new FuzzRun(SeedCorpus.Make(options.Captures, Dialect.All), options.Seed);
if (run is TraceFuzzRun { IsEmpty: true })
{
    Console.Error.WriteLine($"There is no *.kvmitrace in {options.Traces}: give --traces DIR.");
    return 2;
}

Console.WriteLine($"{run.Beginning} to begin with; seed {options.Seed}");
using var watchdog = new Watchdog(run, time, number =>
{
    Console.Error.WriteLine($"{options.What}: number {number} of seed {options.Seed} hangs. Again: {FuzzOptions.Again(options.Seed, number, options.What)}");
    Environment.Exit(1);
});

var started = time.GetTimestamp();
var first = options.First / run.Unit * run.Unit;
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
Console.WriteLine(run.Table);
Console.WriteLine(string.Create(
    CultureInfo.InvariantCulture,
    $"{options.Messages} {options.What} in {elapsed.TotalSeconds:0.0} s, {options.Messages / elapsed.TotalSeconds:0} a second; nothing found"));
return 0;

void Progress(long done)
{
    if (!Console.IsErrorRedirected)
    {
        Console.Error.Write($"\r{Math.Min(done, options.Messages)} of {options.Messages} {options.What}{(done >= options.Messages ? "\n" : "")}");
    }
}
