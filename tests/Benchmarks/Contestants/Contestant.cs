using System.Globalization;
using Kvmi.Benchmarks.Children;
using Kvmi.Benchmarks.Figures;

namespace Kvmi.Benchmarks.Contestants;

/// <summary>A tool under load: its process, the load's process, and the rounds so far.</summary>
internal sealed class Contestant
{
    private readonly ChildProcess _load;
    private readonly List<Round> _rounds = [];
    private readonly PolicyHostProcess? _host;
    private long _warmUpEvents;

    private Contestant(string name, ChildProcess tool, ChildProcess load, PolicyHostProcess? host)
    {
        Name = name;
        Tool = tool;
        _load = load;
        _host = host;
    }

    public string Name { get; }

    /// <summary>The process that answers.</summary>
    public ChildProcess Tool { get; }

    /// <summary>The product's process; null for a responder in C.</summary>
    public PolicyHostProcess? Host => _host;

    /// <summary>The rounds that count.</summary>
    public IReadOnlyList<Round> Rounds => _rounds;

    /// <summary>Events that were sent in all rounds, those of the warm-up included.</summary>
    public long EventsSent => _warmUpEvents + _rounds.Sum(round => round.Events);

    /// <summary>What the product said at its end; null before, and for a responder in C.</summary>
    public HostTotals? Totals { get; private set; }

    /// <summary>Resident memory after the last round, in bytes.</summary>
    public long ResidentBytes { get; private set; }

    /// <summary>A responder in C, under load.</summary>
    /// <param name="bench">Processes and programs.</param>
    /// <param name="mode">read, poll, queue or spin.</param>
    /// <param name="shape">The load.</param>
    /// <param name="reads">Commands for each event.</param>
    public static Contestant Floor(Bench bench, string mode, LoadShape shape, int reads = 0)
    {
        var socket = bench.Children.NewPath("s");
        var tool = bench.Children.Start(bench.Programs.Responder, socket, mode, reads.ToString(CultureInfo.InvariantCulture));
        tool.WaitFor(line => line == "listening");
        return new Contestant($"C {mode}", tool, StartLoad(bench, socket, shape), null);
    }

    /// <summary>The product, under load.</summary>
    public static Contestant Ours(Bench bench, string name, string policies, LoadShape shape, params IReadOnlyList<string> options)
    {
        var host = PolicyHostProcess.Start(bench, policies, options);
        return new Contestant(name, host.Process, StartLoad(bench, host.Socket, shape), host);
    }

    /// <summary>Rounds that do not count, until the code is as fast as it gets.</summary>
    public void WarmUp(TimeSpan time)
    {
        const int Parts = 4;
        for (var i = 0; i < Parts; i++)
        {
            // In parts: between them the processor is free for the JIT compiler, whose thread the load would keep from running.
            _warmUpEvents += Run(time / Parts).Events;
            Thread.Sleep(150);
        }
    }

    /// <summary>One round that counts.</summary>
    public void RunRound(TimeSpan time)
    {
        var before = Tool.ProcessorNanoseconds();
        var round = Run(time);
        _rounds.Add(round with { ProcessorNanoseconds = Tool.ProcessorNanoseconds() - before });
        ResidentBytes = Tool.ResidentBytes();
    }

    /// <summary>Ends the processes in order, and checks that every event was answered exactly once.</summary>
    /// <exception cref="BenchmarkException">The counts differ.</exception>
    public void End()
    {
        _load.End(interrupt: false);
        if (_host is null)
        {
            Tool.End(interrupt: false);
            return;
        }

        Totals = _host.End();
        if (Totals.Events != EventsSent)
        {
            throw new BenchmarkException($"{Name}: {EventsSent} events were sent and answered, and the tool counted {Totals.Events}.");
        }
    }

    private Round Run(TimeSpan time)
    {
        _load.Write(string.Create(CultureInfo.InvariantCulture, $"run {(long)time.TotalMilliseconds}"));
        return Round.Parse(_load.WaitFor(line => line.StartsWith("round ", StringComparison.Ordinal)));
    }

    private static ChildProcess StartLoad(Bench bench, string socket, LoadShape shape)
    {
        var load = bench.Children.Start(
            bench.Programs.Load,
            socket,
            shape.Vms.ToString(CultureInfo.InvariantCulture),
            shape.Vcpus.ToString(CultureInfo.InvariantCulture),
            shape.Kind);
        load.WaitFor(line => line.StartsWith("attached", StringComparison.Ordinal));
        return load;
    }
}
