using System.Collections.Concurrent;
using System.Security.Cryptography;
using Kvmi.Policy.Engine.Decisions;
using Kvmi.Policy.Engine.Findings;
using Kvmi.Policy.Engine.Model;

namespace Kvmi.Policy.Engine.Scripting.Coverage;

/// <summary>
/// Counts which subscriptions decide, and which lines and branches of scripts run, over all generations of the builders that have it. For tests: scripts
/// that are measured are slower. Thread-safe.
/// </summary>
public sealed class ScriptCoverage
{
    /// <summary>Code of the finding that a policy's tests run less of it than was asked for.</summary>
    public const string LowCoverage = "KP0710";

    private readonly Lock _gate = new();
    private readonly Dictionary<string, Script> _scripts = new(StringComparer.Ordinal);
    private readonly ConcurrentDictionary<(string Policy, SourceLocation Subscription), long> _votes = new();

    /// <summary>Counts the votes of an event that was decided.</summary>
    /// <param name="outcome">How it was decided.</param>
    public void Count(EventOutcome outcome)
    {
        ArgumentNullException.ThrowIfNull(outcome);
        for (var i = 0; i < outcome.VoteCount; i++)
            _votes.AddOrUpdate((outcome.Vote(i).Policy, outcome.SubscriptionOf(i).Location), 1, static (_, votes) => votes + 1);
    }

    /// <summary>What was run of a policy so far.</summary>
    /// <param name="policy">The policy, as it was loaded.</param>
    public PolicyCoverage Of(PolicyDefinition policy)
    {
        ArgumentNullException.ThrowIfNull(policy);
        var handlers = policy.Subscriptions.Select(subscription => new HandlerCoverage(
            subscription.Handler, subscription.Event, subscription.Location, _votes.GetValueOrDefault((policy.Id, subscription.Location))));
        Script[] scripts;
        lock (_gate)
            scripts = [.. _scripts.Values.Where(script => script.Policy == policy.Id)];

        var reason = scripts.Length > 0 ? null : policy switch
        {
            { Code.IsNone: true } => "no script",
            { Code.Plugin: not null } => "a plugin: measure it in the tests of its own project",
            { Trust: PolicyTrust.Untrusted } => "runs in a worker process",
            _ => "its script was never loaded",
        };
        return new(policy.Id, [.. handlers], FilesOf(scripts), reason);
    }

    /// <summary>A script with probes; the same one gets the same numbers again.</summary>
    internal (byte[] Image, byte[] Symbols) Instrument(string policyId, CompiledScript script)
    {
        var key = $"{policyId}:{Convert.ToHexString(SHA256.HashData(script.Image))}";
        lock (_gate)
        {
            if (!_scripts.TryGetValue(key, out var known))
            {
                long[] hits = [];
                var (image, symbols, points) = CoverageInstrumentation.Run(script.Image, script.Symbols, count =>
                {
                    (var number, hits) = CoverageProbe.Open(count);
                    return number;
                });
                known = new(policyId, image, symbols, points, hits);
                _scripts.Add(key, known);
            }

            return (known.Image, known.Symbols);
        }
    }

    private static IReadOnlyList<FileCoverage> FilesOf(IReadOnlyList<Script> scripts) =>
    [
        .. scripts.SelectMany(script => script.Points.Select((point, index) => (Point: point, Hits: Interlocked.Read(ref script.Hits[index]))))
            .GroupBy(entry => entry.Point.File, StringComparer.Ordinal)
            .OrderBy(file => file.Key, StringComparer.Ordinal)
            .Select(file => new FileCoverage(file.Key, [.. file.GroupBy(entry => entry.Point.Line).OrderBy(line => line.Key).Select(LineOf)])),
    ];

    private static LineCoverage LineOf(IGrouping<int, (CoveragePoint Point, long Hits)> line)
    {
        var branches = line.Where(entry => entry.Point.IsBranch).ToList();
        return new(
            line.Key,
            line.Where(entry => !entry.Point.IsBranch).Select(entry => entry.Hits).DefaultIfEmpty().Max(),
            branches.Count,
            branches.Count(entry => entry.Hits > 0));
    }

    private sealed record Script(string Policy, byte[] Image, byte[] Symbols, IReadOnlyList<CoveragePoint> Points, long[] Hits);
}
