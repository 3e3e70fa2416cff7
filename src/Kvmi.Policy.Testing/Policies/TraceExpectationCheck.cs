using System.Globalization;
using Kvmi.Policy.Engine.Model;
using Kvmi.Policy.Engine.Output;
using Kvmi.Policy.Testing.Replay;

namespace Kvmi.Policy.Testing.Policies;

/// <summary>Collects what a replayed trace gives and compares it with what the test expects; each difference is one sentence.</summary>
internal sealed class TraceExpectationCheck
{
    private readonly string _policy;
    private readonly PolicyTraceExpectation? _expected;
    private readonly Dictionary<string, int> _alerts = new(StringComparer.Ordinal);
    private readonly Dictionary<string, int> _records = new(StringComparer.Ordinal);
    private readonly Dictionary<DecisionKind, int> _decisions = [];
    private readonly HashSet<long> _seen = [];
    private readonly List<string> _failures = [];
    private long _number;

    public TraceExpectationCheck(string policy, PolicyTraceExpectation? expected) => (_policy, _expected) = (policy, expected);

    /// <summary>Output that belongs to no event.</summary>
    public void Take(IReadOnlyList<OutputRecord> output)
    {
        _failures.AddRange(PolicyTestRunner.Troubles(output));
        foreach (var notice in Notices(output))
        {
            Count(notice.IsAlert ? _alerts : _records, notice.Name);
        }
    }

    /// <summary>A replayed event.</summary>
    public void Take(ReplayStep step)
    {
        _number++;
        Count(_decisions, step.Decision);
        foreach (var notice in Notices(step.Output))
        {
            Count(notice.IsAlert ? _alerts : _records, notice.Name);
        }

        var place = step.EventNumber > 0 ? $"event {step.EventNumber}" : $"line {step.Line}";
        _failures.AddRange(PolicyTestRunner.Troubles(step.Output).Select(trouble => $"{place}: {trouble}"));
        _failures.AddRange(step.NotRecorded.Select(command => $"{place}: the trace does not hold {command}"));
        var number = step.EventNumber > 0 ? step.EventNumber : _number;
        if (_expected?.At.TryGetValue(number, out var expected) == true)
        {
            _seen.Add(number);
            _failures.AddRange(Failures(step, expected).Select(failure => $"event {number} ({step.Subject}): {failure}"));
        }
    }

    /// <summary>Everything that is not as expected.</summary>
    public IReadOnlyList<string> Finish() =>
    [
        .. _failures,
        .. Differences("alert", _expected?.Alerts, _alerts),
        .. Differences("record", _expected?.Records, _records),
        .. Differences("decision", _expected?.Decisions, _decisions),
        .. (_expected?.At.Keys ?? []).Where(number => !_seen.Contains(number)).Order()
            .Select(number => $"event {number}: expected, but the trace has only {_number} decided events; trace show --events prints their numbers"),
    ];

    private IEnumerable<NoticeOutput> Notices(IReadOnlyList<OutputRecord> output) => output.OfType<NoticeOutput>().Where(notice => notice.Policy == _policy);

    private IEnumerable<string> Failures(ReplayStep step, PolicyTestExpectation expected)
    {
        if (expected.Decision is { } decision && decision != step.Decision)
        {
            yield return $"decision: expected {Word(decision)}, got {Word(step.Decision)}; {step.Reason}";
        }

        if (expected.Value is { } value && value != step.Value)
        {
            yield return $"value: expected {Hex(value)}, got {(step.Value is { } got ? Hex(got) : "none")}";
        }

        if (expected.Exception is { } vector && vector != step.Exception?.Vector)
        {
            yield return $"exception: expected vector {vector}, got {(step.Exception is { } got ? $"vector {got.Vector}" : "none")}";
        }

        if (expected.WouldHave is { } would && would != step.WouldHave)
        {
            yield return $"wouldHave: expected {Word(would)}, got {(step.WouldHave is { } got ? Word(got) : "none")}; {step.Reason}";
        }

        var notices = Notices(step.Output).ToList();
        foreach (var (what, names, isAlert) in new[] { ("alerts", expected.Alerts, true), ("records", expected.Records, false) })
        {
            var actual = notices.Where(notice => notice.IsAlert == isAlert).Select(notice => notice.Name).ToList();
            if (names is not null && !names.SequenceEqual(actual, StringComparer.Ordinal))
            {
                yield return $"{what}: expected [{string.Join(", ", names)}], got [{string.Join(", ", actual)}]";
            }
        }
    }

    private static string Word(DecisionKind kind) => kind.ToString().ToLowerInvariant();

    private static string Hex(ulong value) => string.Create(CultureInfo.InvariantCulture, $"0x{value:x}");

    private static void Count<TKey>(Dictionary<TKey, int> counts, TKey key)
        where TKey : notnull => counts[key] = counts.GetValueOrDefault(key) + 1;

    private static IEnumerable<string> Differences<TKey>(string what, IReadOnlyDictionary<TKey, int>? expected, Dictionary<TKey, int> counts)
        where TKey : notnull =>
        (expected ?? new Dictionary<TKey, int>())
            .Where(pair => counts.GetValueOrDefault(pair.Key) != pair.Value)
            .Select(pair => $"{what} {pair.Key}: expected {pair.Value}, the trace gave {counts.GetValueOrDefault(pair.Key)}");
}
