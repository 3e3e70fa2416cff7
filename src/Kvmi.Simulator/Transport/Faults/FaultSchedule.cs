using System.Collections.Concurrent;
using Kvmi.Protocol;
using Kvmi.Protocol.Dialects;
using Microsoft.Extensions.Logging;

namespace Kvmi.Simulator.Transport.Faults;

/// <summary>
/// Decides which messages of a run are hit. It lives as long as the run, so that a fault that has happened does not come again with the next
/// connection. The n-th message has the same fate in every run with the same seed; which message is the n-th is up to the threads of
/// the vCPUs. Any thread.
/// </summary>
internal sealed class FaultSchedule
{
    private readonly Lock _gate = new();
    private readonly State[] _states;
    private readonly ConcurrentDictionary<string, long> _counts = new();

    /// <summary>Makes a schedule.</summary>
    /// <param name="rules">The scenario's faults.</param>
    /// <param name="seed">The scenario's seed.</param>
    /// <param name="dialect">Tells events from replies.</param>
    /// <param name="timeProvider">Clock of the delays.</param>
    /// <param name="logger">Is told of every fault.</param>
    public FaultSchedule(IReadOnlyList<FaultRule> rules, ulong seed, Dialect dialect, TimeProvider timeProvider, ILogger logger)
    {
        _states = [.. rules.Select((rule, index) => new State(rule, new SeededRandom(seed + (ulong)index)))];
        Dialect = dialect;
        TimeProvider = timeProvider;
        Logger = logger;
    }

    /// <summary>The dialect of the messages.</summary>
    public Dialect Dialect { get; }

    /// <summary>Clock of the delays.</summary>
    public TimeProvider TimeProvider { get; }

    /// <summary>Is told of every fault.</summary>
    public ILogger Logger { get; }

    /// <summary>How often each fault has happened, by name.</summary>
    public IReadOnlyDictionary<string, long> Counts => _counts;

    /// <summary>True when messages to the tool with this id are events.</summary>
    public bool IsEvent(ushort id) => Dialect.Classify(MessageDirection.KernelToTool, id) == MessageRole.Event;

    /// <summary>Looks at a message to the tool.</summary>
    /// <param name="message">The whole message.</param>
    /// <param name="hits">Gets the faults that happen to it, in the order of the scenario.</param>
    public void Look(ReadOnlySpan<byte> message, List<FaultHit> hits)
    {
        MessageHeader.TryRead(message, out var header);
        var isEvent = IsEvent(header.Id);
        var isPause = isEvent && Dialect.ReadEvent(message, out var frame) == DecodeStatus.Ok && frame.Kind == EventKind.PauseVcpu;
        Look(
            scope => scope switch
            {
                FaultScope.Any => true,
                FaultScope.Events => isEvent,
                FaultScope.Replies => !isEvent,
                FaultScope.Pauses => isPause,
                _ => false,
            },
            hits);
    }

    /// <summary>Looks at a hello.</summary>
    /// <returns>How long to wait in the middle of it; zero: not at all.</returns>
    public TimeSpan LookAtHello()
    {
        var hits = new List<FaultHit>();
        Look(scope => scope == FaultScope.Hello, hits);
        return hits.Aggregate(TimeSpan.Zero, (sum, hit) => sum + hit.Rule.Delay);
    }

    private void Look(Predicate<FaultScope> concerns, List<FaultHit> hits)
    {
        lock (_gate)
        {
            foreach (var state in _states)
            {
                if (concerns(state.Rule.On) && state.IsHit())
                {
                    var name = FaultCatalogue.Of(state.Rule.Kind).Name;
                    _counts.AddOrUpdate(name, 1, (_, count) => count + 1);
                    hits.Add(new FaultHit(state.Rule, name, state.Random.Next()));
                }
            }
        }
    }

    private sealed class State(FaultRule rule, SeededRandom random)
    {
        private long _seen;
        private long _hits;

        public FaultRule Rule => rule;

        public SeededRandom Random => random;

        public bool IsHit()
        {
            var position = _seen++ - rule.After;
            if ((rule.Times > 0 && _hits >= rule.Times) || position < 0 || position % rule.Every != 0
                || (rule.Probability is { } probability && !random.Chance(probability)))
            {
                return false;
            }

            _hits++;
            return true;
        }
    }
}
