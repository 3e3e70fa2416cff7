using Kvmi.Policy.Engine.Generations;
using Kvmi.Policy.Engine.Output;

namespace Kvmi.Policy.Engine.Shadow;

/// <summary>What a shadow generation did on all VMs. Threads of shadows write, any thread reads; threads of VMs only count.</summary>
internal sealed class ShadowBook(Generation generation, Func<OutputRecord, bool> output)
{
    private const int MostDifferences = 100;
    private const int MostProblems = 20;
    private const int MostLines = 20;

    private readonly Lock _gate = new();
    private readonly Queue<ShadowDifference> _differences = new();
    private readonly List<string> _problems = [];
    private readonly List<ShadowRunner> _runners = [];
    private long _compared;
    private long _differing;
    private long _incomplete;
    private long _skipped;

    public Generation Generation { get; } = generation;

    public void Add(ShadowRunner runner)
    {
        lock (_gate)
        {
            _runners.Add(runner);
        }
    }

    public void Skip() => Interlocked.Increment(ref _skipped);

    public void CountIncomplete() => Interlocked.Increment(ref _incomplete);

    public void CountSame() => Interlocked.Increment(ref _compared);

    public void Differ(ShadowDifference difference)
    {
        Interlocked.Increment(ref _compared);
        lock (_gate)
        {
            difference = difference with { Number = ++_differing };
            if (_differences.Count == MostDifferences)
            {
                _differences.Dequeue();
            }

            _differences.Enqueue(difference);
        }

        if (difference.Number <= MostLines)
        {
            output(new StatusOutput
            {
                Time = difference.Time,
                Vm = difference.Vm,
                Status = "shadow-differs",
                Policy = difference.Shadow.Policy ?? difference.Live.Policy,
                Message = $"{difference.Event} {difference.Subject}: live {Text(difference.Live)}, shadow {Text(difference.Shadow)}; {difference.Reason}"
                    + (difference.Number == MostLines ? " Further differences are only counted and listed." : ""),
                Fields =
                [
                    new("generation", (long)Generation.Number),
                    new("number", difference.Number),
                    new("live", Text(difference.Live)),
                    new("shadow", Text(difference.Shadow)),
                ],
            });
        }
    }

    /// <summary>Something is wrong in the shadow.</summary>
    public void Report(string problem)
    {
        lock (_gate)
        {
            if (_problems.Count < MostProblems && !_problems.Contains(problem))
            {
                _problems.Add(problem);
            }
        }
    }

    /// <summary>VMs whose shadow does not come back from an event.</summary>
    public IReadOnlyList<string> Hanging()
    {
        lock (_gate)
        {
            return [.. _runners.Where(runner => runner.IsHanging).Select(runner => runner.Vm)];
        }
    }

    /// <summary>Ends the shadow on all VMs, without waiting.</summary>
    public void Stop()
    {
        lock (_gate)
        {
            _runners.ForEach(runner => runner.Stop());
        }
    }

    public ShadowSummary Summarise()
    {
        var hanging = Hanging();
        lock (_gate)
        {
            var did = _runners.SelectMany(runner => runner.Summary()).ToLookup(policy => policy.Id);
            return new ShadowSummary
            {
                Generation = Generation.Number,
                Policies =
                [
                    .. Generation.Policies.Select(policy => policy.Definition).Select(policy => new ShadowPolicySummary(
                        policy.Id, policy.Version, did[policy.Id].Sum(each => each.Events), did[policy.Id].Sum(each => each.Alerts), did[policy.Id].Sum(each => each.Errors))),
                ],
                Compared = Interlocked.Read(ref _compared),
                Differing = _differing,
                Incomplete = Interlocked.Read(ref _incomplete),
                Skipped = Interlocked.Read(ref _skipped),
                Differences = [.. _differences],
                Problems = [.. _problems],
                Hanging = hanging,
            };
        }
    }

    private static string Text(in ShadowVote vote)
    {
        var text = vote.Decision.ToString().ToLowerInvariant();
        if (vote.Value is { } value)
        {
            text += $" 0x{value:x}";
        }

        if (vote.Exception is { } vector)
        {
            text += $" vector {vector}";
        }

        return vote.WouldHave is { } would ? $"{text} (would have: {would.ToString().ToLowerInvariant()})" : text;
    }
}
