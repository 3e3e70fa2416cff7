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
/// Builds generations: compiles the scripts, loads the plugins that they need, checks and binds the handlers. All or
/// nothing: with one error finding there is no generation and nothing stays loaded. One build at a time; calls from
/// several threads wait for each other.
/// </summary>
public sealed class GenerationBuilder
{
    private readonly Lock _gate = new();
    private readonly ScriptCompiler _compiler;
    private readonly IPluginLoader _loader;
    private readonly TimeProvider _time;
    private readonly CodeInMemory _inMemory = new();
    private readonly WorkerCensus _workers = new();

    // By policy. A file that goes and comes back, or is broken for a while, is the same policy.
    private readonly Dictionary<string, PolicyStatistics> _statistics = new(StringComparer.Ordinal);
    private readonly PluginConstruction _construction = new(PolicyBudget.StartTimeout);
    private int _number;

    /// <summary>Makes a builder. Its running numbers start at 1.</summary>
    public GenerationBuilder(ScriptCompiler compiler, IPluginLoader loader, TimeProvider time)
    {
        ArgumentNullException.ThrowIfNull(compiler);
        ArgumentNullException.ThrowIfNull(loader);
        ArgumentNullException.ThrowIfNull(time);
        _compiler = compiler;
        _loader = loader;
        _time = time;
    }

    /// <summary>How untrusted policies run; null: this host has no workers, and a set with an untrusted policy is refused.</summary>
    public WorkerSettings? Workers { get; init; }

    /// <summary>Measures which parts of policies run, for tests; null: nothing is measured.</summary>
    public ScriptCoverage? Coverage { get; init; }

    /// <summary>
    /// How many generations have code in memory: the live one, those that a VM still uses, and those that wait for a garbage
    /// collection. A number that only grows means that something outside holds their code.
    /// </summary>
    public int GenerationsAlive
    {
        get
        {
            lock (_gate)
            {
                return _inMemory.Alive.Count;
            }
        }
    }

    /// <summary>
    /// Code of superseded generations that something outside holds: several full collections could not take it away. It stays until the process ends or
    /// its holder lets go; the host goes on. Any thread.
    /// </summary>
    public IReadOnlyList<PinnedCode> PinnedCode
    {
        get
        {
            lock (_gate)
            {
                return _inMemory.Pinned;
            }
        }
    }

    /// <summary>Findings about pinned code, each once.</summary>
    internal IReadOnlyList<Finding> TakePinnedFindings()
    {
        lock (_gate)
        {
            return [.. _inMemory.TakeNews().Select(CodeFindings.Pinned)];
        }
    }

    /// <summary>
    /// The generations before the live one whose code is still in memory, oldest first, with the reason. Any thread.
    /// </summary>
    /// <param name="live">The live generation; null for none.</param>
    public IReadOnlyList<EarlierGeneration> EarlierGenerations(Generation? live)
    {
        lock (_gate)
        {
            return [.. _inMemory.Alive.Where(life => life.Number != live?.Number).Select(life => life.Describe())];
        }
    }

    /// <summary>What became of the workers of all generations so far. Any thread.</summary>
    public WorkerCounters WorkerCounters => _workers.Counters;

    /// <summary>Constructors of plugins that did not return while a generation was built, and those of them that still have not. Any thread.</summary>
    public (int Lost, int Hanging) HungConstructors => _construction.Counters;

    /// <summary>Builds the next generation.</summary>
    /// <param name="definitions">The validated policies.</param>
    /// <param name="plugins">What <see cref="PluginSetLoader"/> found. A broken plugin is an error only when a policy needs it.</param>
    /// <param name="previous">
    /// The generation before. Statistics of policies with the same id are carried over from it, and those of policies that it does not have from the
    /// last generation of this builder that had them. Null for the first: all statistics start anew.
    /// </param>
    public GenerationBuildResult Build(IReadOnlyList<PolicyDefinition> definitions, PluginCatalog plugins, Generation? previous)
    {
        ArgumentNullException.ThrowIfNull(definitions);
        ArgumentNullException.ThrowIfNull(plugins);
        lock (_gate)
        {
            var code = new GenerationCode();
            Generation? generation = null;
            Remember(previous);
            try
            {
                var result = new GenerationBuild(
                    _compiler, _loader, _time, code, _number + 1, definitions, plugins, StatisticsOf, Workers, _workers, _construction, Coverage).Run();
                generation = result.Generation;
                return result;
            }
            finally
            {
                if (generation is null)
                {
                    code.Dispose();
                }
                else
                {
                    _inMemory.Add(++_number, code.Life);
                }
            }
        }
    }

    private void Remember(Generation? previous)
    {
        if (previous is null)
        {
            _statistics.Clear();
            return;
        }

        foreach (var policy in previous.Policies)
        {
            _statistics[policy.Definition.Id] = policy.Statistics;
        }
    }

    private PolicyStatistics StatisticsOf(string id) => _statistics.GetValueOrDefault(id) ?? new PolicyStatistics(id);
}
