using Kvmi.Policy.Engine.Configuration;
using Kvmi.Policy.Engine.Generations;
using Kvmi.Policy.Engine.Output;
using Kvmi.Policy.Engine.Plugins;
using Kvmi.Policy.Engine.Reload;
using Kvmi.Policy.Engine.Runtime;
using Kvmi.Policy.Engine.Scripting;
using Kvmi.Policy.Engine.Tests.Runtime;
using Kvmi.Policy.Engine.Tests.Scripting;
using Kvmi.Protocol.Dialects;
using Kvmi.Protocol.Events;

namespace Kvmi.Policy.Engine.Tests.Reload;

/// <summary>
/// Real policy folders, the real reloader, builder and engine, and a VM without a connection. Reloads happen only when they are asked for, so that a
/// test decides what is on disk; nothing is polled.
/// </summary>
internal sealed class LiveReload : IReloadListener, IAsyncDisposable
{
    public LiveReload(
        Func<PolicyReloaderOptions, PolicyReloaderOptions>? configure = null, ScriptCompiler? compiler = null, TimeProvider? time = null)
    {
        Directory.CreateDirectory(Policies);
        Directory.CreateDirectory(Plugins);
        Builder = new GenerationBuilder(compiler ?? Scripting.Policies.Compiler, new CollectiblePluginLoader(), TimeProvider.System);
        var options = new PolicyReloaderOptions
        {
            PolicyDirectories = [Policies],
            PluginDirectories = [Plugins],
            UseWatcher = false,
            PollInterval = TimeSpan.FromDays(1),
            PluginStable = TimeSpan.Zero,
        };
        Reloader = new(configure?.Invoke(options) ?? options, new Source(Policies), Builder, Bench.Engine, this, time ?? TimeProvider.System);
    }

    public TemporaryFolder Folder { get; } = new();

    public string Policies => Path.Combine(Folder.Path, "policies");

    public string Plugins => Path.Combine(Folder.Path, "plugins");

    public GenerationBuilder Builder { get; }

    public PolicyReloader Reloader { get; }

    public EngineBench Bench { get; } = new();

    public List<ReloadReport> Reports { get; } = [];

    public int Generation => Bench.Engine.Current?.Number ?? 0;

    /// <summary>Writes a policy whose script answers CR3 writes with a value.</summary>
    public string Save(string id, ulong answer, string version = "1.0.0", string top = "", string spec = "") =>
        SaveScript(id, $"{top}\nDecision OnCr(CrEvent e) => Set({answer});\n", version, spec);

    /// <summary>Writes a policy with a script.</summary>
    public string SaveScript(string id, string script, string version = "1.0.0", string spec = "")
    {
        Folder.Write($"policies/{id}/policy.yaml", $$"""
            apiVersion: kvmi.policy/v1
            kind: Policy
            metadata: { id: {{id}}, version: {{version}}, title: Answers }
            spec:
              mode: enforce
              subscriptions:
                - event: cr
                  when: { cr: 3 }
                  handler: OnCr
            {{spec}}
            """);
        return Folder.Write($"policies/{id}/{id}.csx", script);
    }

    /// <summary>Starts the reloader and attaches the VM.</summary>
    public async Task<LiveReload> Start(bool attach = true)
    {
        var first = Reloader.ReloadNowAsync();
        Reloader.Start();
        var report = await first.WaitAsync(ReloadHarness.Patience);
        Assert.True(report.Success, string.Join('\n', report.Findings));
        if (attach)
            Bench.Attach();
        return this;
    }

    public Task<ReloadReport> Reload() => Reloader.ReloadNowAsync().WaitAsync(ReloadHarness.Patience);

    /// <summary>What the guest gets when it writes CR3.</summary>
    public ulong Answer()
    {
        var frame = Bench.Frame(EventBody.Cr(3, 0x1000, 0x2000), 0);
        var reply = new EventReply { NewValue = frame.NewValue };
        Bench.Handler.OnEvent(in frame, ref reply);
        return reply.NewValue;
    }

    /// <summary>A reload that must be refused with one error of a code, and change nothing.</summary>
    public async Task<ReloadReport> MustKeep(string code, ulong answer)
    {
        var generation = Bench.Engine.Current;
        var report = await Reload();
        Assert.False(report.Success);
        Assert.Contains(report.Findings, finding => finding.Code == code && finding.Severity == Findings.FindingSeverity.Error);
        Assert.Same(generation, Bench.Engine.Current);
        Assert.Equal(generation!.Number, report.Generation);
        Assert.Equal(answer, Answer());
        return report;
    }

    public StatusOutput[] Statuses(string status) => Bench.Statuses(status);

    public void OnReload(ReloadReport report) => Reports.Add(report);

    public void OnWatchProblem(string message)
    {
    }

    public async ValueTask DisposeAsync()
    {
        await Reloader.DisposeAsync();
        Bench.Handler.Detaching(Session.Vm.DetachReason.Stopping);
        Bench.Dispose();
        Folder.Dispose();
    }

    private sealed class Source(string directory) : IPolicySource
    {
        public PolicySourceSnapshot Read()
        {
            var set = PolicySetLoader.Load([directory], PolicyLoadOptions.Default);

            // No test is about time: a policy may wait as long as the machine makes it.
            return new([.. set.Policies.Select(policy => policy with { Budget = policy.Budget with { Timeout = ReloadHarness.Patience } })], set.Findings);
        }
    }
}
