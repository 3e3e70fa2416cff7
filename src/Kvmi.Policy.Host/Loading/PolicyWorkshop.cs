using Kvmi.Policy.Engine.Configuration;
using Kvmi.Policy.Engine.Configuration.Site;
using Kvmi.Policy.Engine.Containment.Worker;
using Kvmi.Policy.Engine.Findings;
using Kvmi.Policy.Engine.Generations;
using Kvmi.Policy.Engine.Model;
using Kvmi.Policy.Engine.Plugins;
using Kvmi.Policy.Engine.Scripting;
using Kvmi.Policy.Engine.Scripting.Cache;
using Kvmi.Policy.Engine.Scripting.Coverage;
using Kvmi.Policy.Host.CommandLine;
using Kvmi.Policy.Host.Output;
using Kvmi.Policy.Host.Output.Records;
using Kvmi.Policy.Host.Sinks;

namespace Kvmi.Policy.Host.Loading;

/// <summary>What turns policy files into a generation: one compiler, one builder and the plugins of this process.</summary>
internal sealed class PolicyWorkshop
{
    private readonly TimeProvider _time;
    private readonly PolicyMode? _mode;
    private readonly FileRules _rules;
    private readonly bool _untrusted;
    private readonly ScriptCompiler _compiler;
    private readonly WorkerSettings? _workers;

    /// <summary>Looks for plugins; loads nothing yet.</summary>
    /// <param name="time">Clock.</param>
    /// <param name="plugins">Plugin directories.</param>
    /// <param name="mode">Mode for every policy; null takes the files'.</param>
    /// <param name="rules">What plugins and policies must satisfy.</param>
    /// <param name="untrusted">True: every policy runs in a worker.</param>
    /// <param name="allowWeakWorker">True: also in one that is not confined completely.</param>
    /// <param name="cache">Where compiled scripts are kept; null: nowhere.</param>
    public PolicyWorkshop(
        TimeProvider time, IReadOnlyList<string> plugins, PolicyMode? mode, FileRules rules, bool untrusted = false, bool allowWeakWorker = false,
        CompileCache? cache = null)
    {
        _untrusted = untrusted;
        _time = time;
        _mode = mode;
        _rules = rules;
        Plugins = PluginSetLoader.Discover(plugins, rules.Plugins);
        _compiler = new ScriptCompiler(cache);
        _workers = WorkerProgram.Settings(allowWeakWorker);
        Builder = NewBuilder(coverage: null);
    }

    public PluginCatalog Plugins { get; }

    public GenerationBuilder Builder { get; }

    /// <summary>A builder beside <see cref="Builder"/>, for another thread; what one has compiled the others need not.</summary>
    /// <param name="coverage">Measures what runs of its policies; null: nothing is measured.</param>
    public GenerationBuilder NewBuilder(ScriptCoverage? coverage) => new(_compiler, PluginCode.Loader, _time)
    {
        Workers = _workers,
        Coverage = coverage,
    };

    /// <summary>How policy files are read.</summary>
    public PolicyLoadOptions Options => PolicyLoadOptions.Default with { TimeProvider = _time, Mode = _mode, Untrusted = _untrusted, Ownership = _rules.Ownership };

    /// <summary>Writes findings as result lines.</summary>
    public static void Report(ResultWriter results, IEnumerable<Finding> findings)
    {
        foreach (var finding in findings)
        {
            results.Write(new FindingOutput { Time = results.Now, Finding = finding });
        }
    }

    /// <summary>Refuses paths that are not there.</summary>
    /// <exception cref="HostEnvironmentException">A path is neither file nor directory.</exception>
    public static string[] RequireExisting(string[] paths)
    {
        foreach (var path in paths)
        {
            if (!File.Exists(path) && !Directory.Exists(path))
            {
                throw new HostEnvironmentException($"{path}: there is no such file or directory.");
            }
        }

        return paths;
    }

    /// <summary>The policy files for a reloader.</summary>
    public PolicyDirectorySource Source(IReadOnlyList<string> paths, IReadOnlyList<string> sites) => new(paths, sites, Options);

    /// <summary>The tests of changed policies for a reloader: compiled once with what goes live, built apart from it.</summary>
    public PolicyReloadTests ReloadTests(IReadOnlyList<string> sites) => new(
        () => NewBuilder(coverage: null),
        () => Options with { Site = SiteFileLoader.Load(sites, Options.Files).Settings, PartialSet = true },
        PolicyReloadTests.DefaultLimit);

    /// <summary>The options with what the site files say, for a verb that looks at some policies only.</summary>
    /// <returns>Null when a file has errors; its findings are written.</returns>
    public PolicyLoadOptions? OptionsOf(IReadOnlyList<string> sites, ResultWriter results)
    {
        var site = SiteFileLoader.Load(sites, Options.Files, SiteSinks.FindProblem);
        Report(results, site.Findings);
        return site.HasErrors ? null : Options with { Site = site.Settings, PartialSet = true };
    }

    /// <summary>Loads and builds policies, and writes the findings.</summary>
    /// <returns>Null when there is an error among them.</returns>
    public Generation? Build(IReadOnlyList<string> paths, ResultWriter results)
    {
        var set = PolicySetLoader.Load(paths, Options);
        var build = Builder.Build(set.Policies, Plugins, previous: null);
        IReadOnlyList<Finding> findings = [.. set.Findings, .. build.Findings];
        Report(results, findings);
        if (build.Generation is null || findings.All(finding => finding.Severity != FindingSeverity.Error))
        {
            return build.Generation;
        }

        build.Generation.Release();
        return null;
    }
}
