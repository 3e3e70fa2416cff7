using System.Text;
using Kvmi.Policy.Engine.Generations;
using Kvmi.Policy.Engine.Model;
using Kvmi.Policy.Engine.Output;
using Kvmi.Policy.Testing.Replay;
using Kvmi.Protocol.Captures;

namespace Kvmi.Policy.Testing.Policies;

/// <summary>
/// Runs a test whose events come from a recorded conversation. The replay is strict: a read that the recording does not hold fails
/// the test, because a policy that saw "unreadable" has not been tested on what the guest had there.
/// </summary>
internal static class TraceTestRunner
{
    public static PolicyTestResult Run(Generation generation, string policyId, PolicyTest test, string path)
    {
        List<HexCaptureEntry> entries;
        InferredDialect inferred;
        try
        {
            using var reader = new StreamReader(path, Encoding.UTF8);
            entries = [.. HexCapture.Read(reader)];
            inferred = ConversationDialect.Infer(entries);
        }
        catch (Exception exception) when (exception is IOException or UnauthorizedAccessException)
        {
            generation.Release();
            return new(policyId, test.Name, test.Location, [$"the trace {path} cannot be read: {exception.Message}"]);
        }

        if (inferred.Dialect is not { } dialect || Protocol.Dialects.Dialect.Find(dialect) is null)
        {
            generation.Release();
            return new(policyId, test.Name, test.Location, [$"the trace {path} is in a dialect that this version cannot replay: {inferred.Reason}"]);
        }

        using var replay = new CaptureReplay(Path.GetFileName(path), entries, dialect, generation);
        return new(policyId, test.Name, test.Location, Failures(replay, policyId, test.TraceExpect));
    }

    private static List<string> Failures(CaptureReplay replay, string policyId, PolicyTraceExpectation? expected)
    {
        var failures = PolicyTestRunner.Troubles(replay.AttachOutput);
        failures.AddRange(replay.Problems);
        var alerts = new Dictionary<string, int>(StringComparer.Ordinal);
        var records = new Dictionary<string, int>(StringComparer.Ordinal);
        var decisions = new Dictionary<DecisionKind, int>();
        foreach (var step in replay.Run())
        {
            Count(decisions, step.Decision);
            failures.AddRange(PolicyTestRunner.Troubles(step.Output).Select(trouble => $"line {step.Line}: {trouble}"));
            failures.AddRange(step.NotRecorded.Select(command => $"line {step.Line}: the trace does not hold {command}"));
            foreach (var notice in step.Output.OfType<NoticeOutput>().Where(notice => notice.Policy == policyId))
            {
                Count(notice.IsAlert ? alerts : records, notice.Name);
            }
        }

        failures.AddRange(Differences("alert", expected?.Alerts, alerts));
        failures.AddRange(Differences("record", expected?.Records, records));
        failures.AddRange(Differences("decision", expected?.Decisions, decisions));
        return failures;
    }

    private static void Count<TKey>(Dictionary<TKey, int> counts, TKey key)
        where TKey : notnull => counts[key] = counts.GetValueOrDefault(key) + 1;

    private static IEnumerable<string> Differences<TKey>(string what, IReadOnlyDictionary<TKey, int>? expected, Dictionary<TKey, int> counts)
        where TKey : notnull =>
        (expected ?? new Dictionary<TKey, int>())
            .Where(pair => counts.GetValueOrDefault(pair.Key) != pair.Value)
            .Select(pair => $"{what} {pair.Key}: expected {pair.Value}, the trace gave {counts.GetValueOrDefault(pair.Key)}");
}
