using Kvmi.Policy.Engine.Code;
using Kvmi.Policy.Engine.Findings;
using Kvmi.Policy.Engine.Generations;
using Kvmi.Policy.Engine.Model;
using Kvmi.Policy.Engine.Plugins;
using Kvmi.Policy.Engine.Shadow;

namespace Kvmi.Policy.Engine.Reload;

/// <summary>
/// One way from files to a live generation: read, compile, test, swap. Whatever fails on it, or throws, keeps the generation that is live.
/// </summary>
internal sealed class ReloadAttempt(
    PolicyReloaderOptions options, IPolicySource source, GenerationBuilder builder, IGenerationTarget target, FileWatch files, TimeProvider time)
{
    private const int MostFailures = 20;

    private readonly List<Finding> _findings = [];
    private ReloadTestResult _tests = ReloadTestResult.None;
    private IReadOnlyList<PolicyChange> _changes = [];
    private GenerationTimings? _timings;
    private TimeSpan _readTime;
    private TimeSpan _buildTime;
    private TimeSpan _testTime;
    private TimeSpan _swapTime;
    private int _shadowGeneration;

    /// <summary>What is live, or runs as shadow, after a success.</summary>
    public LivePicture? Picture { get; private set; }

    /// <summary>True when it failed by an exception: that may pass without a change of the files.</summary>
    public bool MayPass { get; private set; }

    /// <summary>Makes the attempt; called once.</summary>
    /// <param name="changed">The files that differ from those of the attempt before.</param>
    /// <param name="settleTime">What was waited for the files to be written.</param>
    /// <param name="before">What is live.</param>
    /// <param name="shadow">Where a new generation runs beside the live one; null when it is to go live.</param>
    public ReloadReport Run(IReadOnlyList<string> changed, TimeSpan settleTime, LivePicture before, IShadowTarget? shadow)
    {
        var success = false;
        try
        {
            success = TryRun(before, shadow);
        }
        catch (Exception exception)
        {
            // The files and the code behind them are other people's: whatever they make the source, the builder or the target
            // throw, the loop must live and the live generation stays.
            MayPass = true;
            var cause = exception.GetBaseException();
            AddError(CodeFindings.ReloadFailed, $"the reload failed with {cause.GetType().Name}: {cause.Message}",
                "the generation that was live stays live; it is tried again, later each time");
        }

        // What an earlier generation has left behind shows when collections have had their time.
        _findings.AddRange(builder.TakePinnedFindings());
        return new()
        {
            Success = success,
            Findings = _findings,
            ChangedFiles = changed,
            PolicyChanges = _changes,
            ShadowGeneration = _shadowGeneration,
            SettleTime = settleTime,
            ReadTime = _readTime,
            BuildTime = _buildTime,
            CompileTime = _timings?.Compile ?? TimeSpan.Zero,
            LoadTime = _timings?.Load ?? TimeSpan.Zero,
            CompiledScripts = _timings?.Compiled ?? 0,
            CachedScripts = _timings?.Cached ?? 0,
            TestTime = _testTime,
            TestsPassed = _tests.Passed,
            TestsFailed = _tests.Failures.Count,
            SwapTime = _swapTime,
            Generation = target.Current?.Number ?? 0,
            Policies = target.Current?.Policies.Count ?? 0,
            GenerationsAlive = builder.GenerationsAlive,
            EarlierGenerations = builder.EarlierGenerations(target.Current),
        };
    }

    private bool HasErrors => _findings.Exists(finding => finding.Severity == FindingSeverity.Error);

    private bool TryRun(LivePicture before, IShadowTarget? shadow)
    {
        var started = time.GetTimestamp();
        var read = source.Read();
        _readTime = time.GetElapsedTime(started);
        _findings.AddRange(read.Findings);
        if (HasErrors)
        {
            _buildTime = time.GetElapsedTime(started);
            return false;
        }

        var plugins = PluginSetLoader.Discover(options.PluginDirectories, options.PluginRules);
        var built = builder.Build(read.Definitions, plugins, target.Current);
        _timings = built.Timings;
        _buildTime = time.GetElapsedTime(started);
        _findings.AddRange(built.Findings);
        if (built.Generation is not { } next)
            return false;

        var isTaken = false;
        try
        {
            var picture = LivePicture.Of(next, plugins, files.Files);
            _changes = before.ChangesTo(picture);
            if (target.Current is not null)
                Test(read, plugins);

            if (shadow is not null)
                CheckTrust(read);

            if (HasErrors)
                return false;

            var swap = time.GetTimestamp();
            isTaken = true;
            if (shadow is null)
            {
                target.Swap(next);
            }
            else
            {
                shadow.SetShadow(next);
                _shadowGeneration = next.Number;
            }

            _swapTime = time.GetElapsedTime(swap);
            Picture = picture;
            return true;
        }
        finally
        {
            if (!isTaken)
                next.Release();
        }
    }

    // A worker belongs to a VM and a generation; one more beside it would take the live one's place.
    private void CheckTrust(PolicySourceSnapshot read)
    {
        foreach (var policy in read.Definitions.Where(policy => policy is { Trust: PolicyTrust.Untrusted, Code.IsNone: false }))
        {
            _findings.Add(new(policy.Location, FindingSeverity.Error, CodeFindings.ShadowUntrusted,
                $"policy '{policy.Id}' is untrusted, and the worker process of such policies cannot run as shadow", "reload without a shadow"));
        }
    }

    private void Test(PolicySourceSnapshot read, PluginCatalog plugins)
    {
        if (options.Tests is not { } tests)
            return;

        var wanted = _changes.Where(change => change.Kind != PolicyChangeKind.Removed).Select(change => change.Policy).ToHashSet(StringComparer.Ordinal);
        var policies = read.Definitions.Where(definition => definition.Tests.Count > 0 && wanted.Contains(definition.Id)).ToList();
        if (policies.Count == 0)
            return;

        var started = time.GetTimestamp();
        _tests = tests.Run(policies, read.Definitions, plugins);
        _testTime = time.GetElapsedTime(started);
        _findings.AddRange(_tests.Failures.Take(MostFailures).Select(failure => new Finding(failure.Location, FindingSeverity.Error, CodeFindings.TestFailed,
            $"policy '{failure.Policy}', test '{failure.Test}': {failure.Message}",
            "correct the policy or its test; the generation that was live stays live")));
        if (_tests.Failures.Count > MostFailures)
            AddError(CodeFindings.TestFailed, $"{_tests.Failures.Count - MostFailures} more tests failed", "kvmi-policy test shows all of them");

        if (_tests.Unfinished is { } unfinished)
            AddError(CodeFindings.TestHangs, unfinished, "kvmi-policy test runs the same tests; the code of plugins is not metered");

        // The tests read their policies anew: what passed must be what goes live.
        if (!HasErrors && !files.IsCurrent())
        {
            AddError(CodeFindings.ChangedWhileTested, "the files were changed while their tests ran",
                "nothing is to be done: the reload is tried again when they are quiet");
        }
    }

    private void AddError(string code, string message, string hint) =>
        _findings.Add(new(new(string.Join(", ", options.PolicyDirectories)), FindingSeverity.Error, code, message, hint));
}
