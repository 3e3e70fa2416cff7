using System.Threading.Channels;
using Kvmi.Policy.Engine.Code;
using Kvmi.Policy.Engine.Findings;
using Kvmi.Policy.Engine.Generations;
using Kvmi.Policy.Engine.Model;
using Kvmi.Policy.Engine.Reload;
using Kvmi.Policy.Engine.Tests.Scripting;
using static Kvmi.Policy.Engine.Tests.Scripting.Policies;

namespace Kvmi.Policy.Engine.Tests.Reload;

/// <summary>
/// A reloader over a real folder: each <c>policies/**/*.csx</c> is one policy with the handler OnCr, each line of
/// <c>policies/plugins.yaml</c> one plugin policy.
/// </summary>
internal sealed class ReloadHarness : IPolicySource, IGenerationTarget, IReloadListener, IAsyncDisposable
{
    public static readonly TimeSpan Patience = TimeSpan.FromSeconds(60);

    private readonly Channel<ReloadReport> _reports = Channel.CreateUnbounded<ReloadReport>();
    private Generation? _current;

    public ReloadHarness(
        bool useWatcher = true, TimeSpan? pollInterval = null, Func<PolicyReloaderOptions, PolicyReloaderOptions>? configure = null,
        GenerationBuilder? builder = null)
    {
        Directory.CreateDirectory(Policies);
        Builder = builder ?? Builder();
        var options = new PolicyReloaderOptions
        {
            PolicyDirectories = [Policies],
            PluginDirectories = [Plugins],
            UseWatcher = useWatcher,
            PollInterval = pollInterval ?? TimeSpan.FromMilliseconds(useWatcher ? 1000 : 50),
        };
        Reloader = new(
            configure?.Invoke(options) ?? options,
            this,
            Builder,
            this,
            this,
            TimeProvider.System);
    }

    private static readonly IReadOnlyList<PolicyTest> OneTest = [new() { Name = "t", Location = new("p.yaml", 7, 3) }];

    public TemporaryFolder Folder { get; } = new();

    public string Policies => Path.Combine(Folder.Path, "policies");

    public string Plugins => Path.Combine(Folder.Path, "plugins");

    public GenerationBuilder Builder { get; }

    public PolicyReloader Reloader { get; }

    public List<string> WatchProblems { get; } = [];

    public Action? AfterRead { get; set; }

    public Action? BeforeSwap { get; set; }

    public int Reports { get; private set; }

    public Generation? Current => Volatile.Read(ref _current);

    public PolicySourceSnapshot Read()
    {
        var definitions = new List<PolicyDefinition>();
        if (Directory.Exists(Policies))
        {
            var scripts = Directory.EnumerateFiles(Policies, "*.csx", SearchOption.AllDirectories)
                .Where(file => !file[Policies.Length..].Contains("/.", StringComparison.Ordinal));
            foreach (var file in scripts.Order(StringComparer.Ordinal))
                definitions.Add(Script(Path.GetFileNameWithoutExtension(file), file) with { File = file, Tests = OneTest });
        }

        var plugins = Path.Combine(Policies, "plugins.yaml");
        if (File.Exists(plugins))
            definitions.AddRange(File.ReadAllLines(plugins).Select(id => Plugin("plugin-" + id, id, null)));

        AfterRead?.Invoke();
        return new(definitions, []);
    }

    public void Swap(Generation next)
    {
        BeforeSwap?.Invoke();
        var old = Current;
        Volatile.Write(ref _current, next);
        old?.Release();
    }

    public void OnReload(ReloadReport report)
    {
        Reports++;
        _reports.Writer.TryWrite(report);
    }

    public void OnWatchProblem(string message) => WatchProblems.Add(message);

    public async Task<ReloadReport> NextReport() => await _reports.Reader.ReadAsync().AsTask().WaitAsync(Patience);

    /// <summary>Waits for a reload that succeeds.</summary>
    public async Task<ReloadReport> NextSuccess()
    {
        while (true)
        {
            var report = await NextReport();
            if (report.Success)
                return report;
        }
    }

    /// <summary>Waits until the policy answers with set(value).</summary>
    public async Task WaitForAnswer(ulong value)
    {
        while (Answer() != value)
            await NextReport();
    }

    public ulong Answer(int policy = 0)
    {
        var generation = Current!;
        return generation.Policies.Count <= policy
            ? ulong.MaxValue
            : DecideCr(generation.Policies[policy].Factory.Create(new RecordingServices()).Handlers[0], CrMessage(1, 2)).Value;
    }

    public string Save(ulong answer, string name = "p.csx") => Folder.Write(Path.Combine("policies", name), TextOf(answer));

    public static string TextOf(ulong answer) => $"Decision OnCr(CrEvent e) => Set({answer});\n";

    /// <summary>Starts the loop and waits for the first generation.</summary>
    public async Task Start()
    {
        Reloader.Start();
        Assert.True((await NextReport()).Success);
    }

    public async ValueTask DisposeAsync()
    {
        await Reloader.DisposeAsync();
        Folder.Dispose();
    }
}
