using Kvmi.Policy.Engine.Code;
using Kvmi.Policy.Engine.Containment.Worker;
using Kvmi.Policy.Engine.Containment.Worker.Hosting;
using Kvmi.Policy.Engine.Findings;
using Kvmi.Policy.Engine.Model;
using Kvmi.Policy.Engine.Plugins;

namespace Kvmi.Policy.Engine.Generations;

/// <summary>The untrusted policies of a build: compiled and checked here, loaded and run in workers alone.</summary>
internal sealed partial class GenerationBuild
{
    private readonly Dictionary<string, WorkerPlugin> _untrustedPlugins = new(StringComparer.Ordinal);
    private List<PolicyDefinition> _untrusted = [];

    private static bool IsForWorker(PolicyDefinition definition) => definition is { Trust: PolicyTrust.Untrusted, Code.IsNone: false };

    // What an untrusted policy needs is only read in this process, even if the same plugin is loaded for a trusted one.
    private void CollectPlugins()
    {
        foreach (var definition in definitions.Where(IsForWorker))
        {
            if (workers is null)
            {
                _findings.Add(new(definition.Location, FindingSeverity.Error, CodeFindings.WorkerFailed,
                    $"policy '{definition.Id}' is untrusted, and this host has no worker processes", "trust it, or run it with kvmi-policy"));
            }

            if (!HasPluginsAsAsked(definition))
                continue;

            if (definition.Code.Plugin is { } own)
                CollectPlugin(own, definition.Id, definition.Code.Location);

            foreach (var required in definition.Requires.Plugins)
                CollectPlugin(required, definition.Id, definition.Location);
        }
    }

    private void CollectPlugin(string id, string policyId, SourceLocation location)
    {
        if (_untrustedPlugins.ContainsKey(id) || FindPlugin(id, policyId, location) is not { } plugin)
            return;

        try
        {
            var options = LoadOptions(plugin);
            if (!IsWithinAllowList(plugin, options))
            {
                _brokenPlugins.Add(id);
                return;
            }

            var files = new PluginDependencies(options).Check().Select(file => (file.Name, file.Image)).ToList();
            _untrustedPlugins.Add(id, new(id, plugin.MainAssemblyPath, files));
        }
        catch (Exception exception) when (exception is PluginLoadException or InvalidOperationException or IOException)
        {
            _brokenPlugins.Add(id);
            _findings.Add(PluginLoadException.ToFinding(plugin, exception));
        }
    }

    private void OpenWorkers()
    {
        _untrusted = [.. definitions.Where(IsForWorker)];
        if (_untrusted.Count == 0)
            return;

        try
        {
            code.Add(new WorkerPool(workers!, PayloadOf(workers!), time, census));
        }
        catch (WorkerStartException exception)
        {
            AddWorkerProblem(exception.Message);
        }
    }

    private WorkerPayload PayloadOf(WorkerSettings settings) => new()
    {
        Parent = Environment.ProcessId,
        Headroom = settings.Memory + (settings.Memory / 2),
        HashSeed = (ulong)Random.Shared.NextInt64(long.MinValue, long.MaxValue),
        Policies =
        [
            .. _untrusted.Select(definition => new WorkerPolicy(
                definition,
                _scripts.GetValueOrDefault(definition.Id) is { } script ? WorkerScript.Of(script) : null)),
        ],
        Plugins = [.. _untrustedPlugins.Values],
    };

    private RemotePolicyFactory? RemoteFactoryOf(PolicyDefinition definition) =>
        code.Workers is not { } pool ? null : new RemotePolicyFactory(pool, definition, (ushort)_untrusted.IndexOf(definition));

    private void WarmUpWorkers(WorkerPool pool)
    {
        try
        {
            var report = pool.WarmUp();
            foreach (var (policy, findingCode, message, hint) in report.Findings)
            {
                // What the worker has found about the code is its word alone; the place is this process's.
                var place = policy < _untrusted.Count ? _untrusted[policy].Code.Location : _untrusted[0].Code.Location;
                _findings.Add(new(place, FindingSeverity.Error, findingCode, message, hint.Length == 0 ? null : hint));
            }

            foreach (var weakness in report.Weaknesses)
            {
                _findings.Add(new(_untrusted[0].Location, FindingSeverity.Warning, CodeFindings.WorkerWeak,
                    $"the worker of the untrusted policies is not confined completely: {weakness}", "run on a system that allows it"));
            }
        }
        catch (WorkerStartException exception)
        {
            AddWorkerProblem(exception.Message);
        }
    }

    private void AddWorkerProblem(string problem) => _findings.Add(new(_untrusted[0].Location, FindingSeverity.Error, CodeFindings.WorkerFailed,
        $"the worker of the untrusted policies does not start: {problem}",
        "trust the policies, or allow a weak worker (--allow-weak-worker) if it is its confinement that fails"));
}
