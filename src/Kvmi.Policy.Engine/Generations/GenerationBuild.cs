using Kvmi.Policy.Engine.Code;
using Kvmi.Policy.Engine.Containment.Worker;
using Kvmi.Policy.Engine.Containment.Worker.Hosting;
using Kvmi.Policy.Engine.Findings;
using Kvmi.Policy.Engine.Model;
using Kvmi.Policy.Engine.Plugins;
using Kvmi.Policy.Engine.Scripting;
using Kvmi.Policy.Engine.Scripting.Coverage;
using Kvmi.Policy.Engine.Summary;

namespace Kvmi.Policy.Engine.Generations;

/// <summary>
/// One build of one generation: what is found and loaded on the way. What it loads goes into <c>code</c>, which the caller
/// disposes when there is no generation.
/// </summary>
internal sealed partial class GenerationBuild(
    ScriptCompiler compiler,
    IPluginLoader loader,
    TimeProvider time,
    GenerationCode code,
    int number,
    IReadOnlyList<PolicyDefinition> definitions,
    PluginCatalog catalog,
    Func<string, PolicyStatistics> statisticsOf,
    WorkerSettings? workers,
    WorkerCensus census,
    PluginConstruction construction,
    ScriptCoverage? coverage)
{
    private readonly List<Finding> _findings = [];
    private readonly HashSet<string> _brokenPlugins = new(StringComparer.Ordinal);
    private readonly Dictionary<string, CompiledScript> _scripts = new(StringComparer.Ordinal);
    private int _compiled;
    private int _cached;

    /// <summary>Builds; called once.</summary>
    public GenerationBuildResult Run()
    {
        var started = time.GetTimestamp();
        CheckIds();
        LoadPlugins();
        CollectPlugins();
        var pluginsLoaded = time.GetTimestamp();
        CompileScripts();
        var compiled = time.GetTimestamp();
        var policies = HasErrors ? [] : LoadPolicies();
        if (code.Workers is { } pool && !HasErrors)
            WarmUpWorkers(pool);

        AddPluginProblems();
        var load = time.GetElapsedTime(started, pluginsLoaded) + time.GetElapsedTime(compiled);
        var timings = new GenerationTimings(time.GetElapsedTime(pluginsLoaded, compiled), load, _compiled, _cached);
        return new(HasErrors ? null : new(number, Ordered(policies), code) { Coverage = coverage }, _findings, timings);
    }

    private bool HasErrors => _findings.Exists(finding => finding.Severity == FindingSeverity.Error);

    private static IReadOnlyList<GenerationPolicy> Ordered(List<GenerationPolicy> policies) =>
        [.. policies.OrderBy(policy => policy.Definition.Priority).ThenBy(policy => policy.Definition.Id, StringComparer.Ordinal)];

    private void CheckIds()
    {
        foreach (var same in definitions.GroupBy(definition => definition.Id).Where(group => group.Count() > 1))
        {
            _findings.Add(new(same.Last().Location, FindingSeverity.Error, CodeFindings.DuplicatePolicy,
                $"policy id '{same.Key}' is used twice: also in {same.First().Location}", "ids are unique in a set: rename one"));
        }
    }

    private void LoadPlugins()
    {
        foreach (var definition in definitions.Where(definition => definition.Trust == PolicyTrust.Trusted && HasPluginsAsAsked(definition)))
        {
            if (definition.Code.Plugin is { } ownPlugin)
                LoadPlugin(ownPlugin, definition.Id, definition.Code.Location);

            foreach (var required in definition.Requires.Plugins)
                LoadPlugin(required, definition.Id, definition.Location);
        }
    }

    private void LoadPlugin(string id, string policyId, SourceLocation location)
    {
        if (code.Plugins.ContainsKey(id) || FindPlugin(id, policyId, location) is not { } plugin)
            return;

        // Broken until it is loaded; one finding is enough for a plugin that was tried already.
        if (!_brokenPlugins.Add(id))
            return;

        try
        {
            var options = LoadOptions(plugin);
            if (IsWithinAllowList(plugin, options))
            {
                code.Add(id, loader.Load(options));
                _brokenPlugins.Remove(id);
            }
        }
        catch (PluginLoadException exception)
        {
            _findings.Add(PluginLoadException.ToFinding(plugin, exception));
        }
    }

    private static PluginCode CodeOf(PluginDescription plugin) =>
        new(plugin.MainAssemblyPath, plugin.Image, () => new PluginDependencies(LoadOptions(plugin)).ReadSymbols(plugin.MainAssemblyPath));

    private static PluginLoadOptions LoadOptions(PluginDescription plugin) => PluginContract.LoadOptions(plugin);

    private PluginDescription? FindPlugin(string id, string policyId, SourceLocation location)
    {
        if (catalog.Find(id) is not { } plugin)
        {
            var looked = catalog.Directories.Count == 0 ? "no plugin directory is given" : $"looked in {string.Join(", ", catalog.Directories)}";
            var known = catalog.Problems.Any(problem => problem.Name == id);
            _findings.Add(new(location, FindingSeverity.Error, CodeFindings.PluginMissing,
                $"policy '{policyId}' needs plugin '{id}', which {(known ? "cannot be used" : "is not there")}: {looked}{Probed()}",
                known ? "see the finding about the plugin" : NameSuggestion.Hint(id, catalog.Plugins.Select(candidate => candidate.Id))));
            _brokenPlugins.Add(id);
            return null;
        }

        return plugin;
    }

    private string Probed() => catalog.Probes.Count == 0
        ? ""
        : "; probed " + string.Join("; ", catalog.Probes.Take(20).Select(probe => $"{probe.Path}: {probe.Outcome}"));

    private void CompileScripts()
    {
        // A script of a missing plugin cannot compile; its errors would only hide the reason.
        var wanted = definitions
            .Where(definition => (definition.Code.ScriptFile is not null || definition.Code.InlineText is not null)
                && !definition.Requires.Plugins.Any(_brokenPlugins.Contains))
            .ToList();
        var results = new ScriptResult[wanted.Count];

        // All processors for the first build, when no vCPU can wait for one; later ones belong to the events.
        Parallel.For(
            0,
            wanted.Count,
            new ParallelOptions { MaxDegreeOfParallelism = number == 1 ? Environment.ProcessorCount : 1 },
            index => results[index] = CompileScript(wanted[index]));

        foreach (var (definition, result) in wanted.Zip(results))
        {
            _findings.AddRange(result.Findings);
            if (result.Script is not { } script)
                continue;

            _ = result.FromCache ? _cached++ : _compiled++;
            _scripts[definition.Id] = script;
        }
    }

    // On any thread: what it finds comes back, so that findings stand in the order of the policies.
    private ScriptResult CompileScript(PolicyDefinition definition)
    {
        var findings = new List<Finding>();
        if (ScriptSource.Read(definition, findings) is not { } source)
            return new(null, findings, FromCache: false);

        var result = compiler.Compile(source, [.. definition.Requires.Plugins.Distinct().Select(ReferenceTo)]);
        findings.AddRange(result.Findings);
        if (result.Script is not null)
            HandlerCheck.Check(definition, result.Script.Methods, source.Path, findings);

        return new(result.Script, findings, result.FromCache);
    }

    private readonly record struct ScriptResult(CompiledScript? Script, IReadOnlyList<Finding> Findings, bool FromCache);

    private ScriptPluginReference ReferenceTo(string pluginId)
    {
        var plugin = catalog.Find(pluginId)!;
        return new(plugin.Image, plugin.Sha256, plugin.AssemblyName);
    }

    private List<GenerationPolicy> LoadPolicies()
    {
        var policies = new List<GenerationPolicy>(definitions.Count);
        OpenWorkers();
        var context = _scripts.Count == 0 ? null : code.OpenScripts(number, _scripts.Keys.Order(StringComparer.Ordinal));
        foreach (var definition in definitions)
        {
            if (FactoryOf(definition, context) is { } factory)
                policies.Add(new(definition, factory, statisticsOf(definition.Id)) { CodeDigest = _scripts.GetValueOrDefault(definition.Id)?.Digest ?? "" });
        }

        return policies;
    }

    private IPolicyFactory? FactoryOf(PolicyDefinition definition, ScriptLoadContext? context)
    {
        if (IsForWorker(definition))
            return RemoteFactoryOf(definition);

        if (definition.Code.Plugin is { } plugin)
        {
            var description = catalog.Find(plugin)!;
            return PluginPolicyType.TryMakeFactory(
                definition, description.MainAssemblyPath, code.Plugins[plugin].MainAssembly, _findings, construction, CodeOf(description));
        }

        if (_scripts.GetValueOrDefault(definition.Id) is { } script)
        {
            var (image, symbols) = coverage?.Instrument(definition.Id, script) ?? (script.Image, script.Symbols);
            return ScriptPolicyFactory.Make(definition, script, context!.Load(image, symbols));
        }

        // A script that is not there has been reported.
        if (definition.Code is { ScriptFile: null, InlineText: null })
            HandlerCheck.Check(definition, [], "the policy", _findings);

        return new ThenPolicyFactory(definition);
    }

    // A plugin that nobody needs stops nobody; one that is needed is an error with its own reason.
    private void AddPluginProblems() => _findings.AddRange(catalog.Problems.Select(problem => _brokenPlugins.Contains(problem.Name)
        ? problem.Finding
        : problem.Finding with { Severity = FindingSeverity.Warning }));
}
