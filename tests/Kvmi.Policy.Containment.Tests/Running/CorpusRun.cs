using System.Collections.Concurrent;
using Kvmi.Policy.Engine;
using Kvmi.Policy.Engine.Configuration;
using Kvmi.Policy.Engine.Findings;
using Kvmi.Policy.Engine.Generations;
using Kvmi.Policy.Engine.Output;
using Kvmi.Policy.Engine.Plugins;
using Kvmi.Policy.Engine.Scripting;
using Kvmi.Policy.Engine.Summary;
using Kvmi.Session;
using Kvmi.Session.Endpoints;
using Kvmi.Simulator;
using Microsoft.Extensions.Logging.Abstractions;

namespace Kvmi.Policy.Containment.Tests.Running;

/// <summary>One run of a policy folder against a simulated guest of two vCPUs, in this process: engine, server and guest as the command has them.</summary>
internal sealed class CorpusRun : IOutputSink
{
    /// <summary>Most that a run may leave on the heap, in bytes.</summary>
    public const long HeapBound = 64 << 20;

    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(120);
    private static readonly ScriptCompiler Compiler = new();
    private readonly ConcurrentQueue<OutputRecord> _output = [];

    private CorpusRun()
    {
    }

    /// <summary>What the load found.</summary>
    public IReadOnlyList<Finding> Findings { get; private set; } = [];

    /// <summary>What the guest saw; null when the policies were refused.</summary>
    public SimulationResult? Guest { get; private set; }

    /// <summary>What the policies did; null when they were refused.</summary>
    public EngineSummary? Summary { get; private set; }

    /// <summary>Everything that was written.</summary>
    public IReadOnlyCollection<OutputRecord> Output => _output;

    /// <summary>Code of generations that is still in memory after everything was let go.</summary>
    public int GenerationsAlive { get; private set; }

    /// <summary>Bytes on the heap after the run, less those before.</summary>
    public long HeapGrowth { get; private set; }

    /// <summary>Runs to the end of the scenario.</summary>
    public static async Task<CorpusRun> PlayAsync(CorpusFolder folder)
    {
        var run = new CorpusRun();
        var before = GC.GetTotalMemory(forceFullCollection: true);
        var builder = new GenerationBuilder(Compiler, new CollectiblePluginLoader(), TimeProvider.System);
        await run.PlayAsync(folder, builder);

        // Unloading ends with a collection that finds nothing in use; a few are needed for what is finalised first.
        // A run that was abandoned at its deadline holds its code until it ends: a hundred million digits take long where others want the processors.
        SpinWait.SpinUntil(
            () =>
            {
                GC.Collect();
                GC.WaitForPendingFinalizers();
                return builder.GenerationsAlive == 0;
            },
            Patience);
        run.GenerationsAlive = builder.GenerationsAlive;
        // A run that was abandoned at its deadline ends a little later.
        SpinWait.SpinUntil(() => (run.HeapGrowth = GC.GetTotalMemory(forceFullCollection: true) - before) < HeapBound, Patience);
        return run;
    }

    public void Write(OutputRecord record) => _output.Enqueue(record);

    /// <summary>Messages of the status lines about a policy.</summary>
    public string[] Statuses(string status, string policy) =>
        [.. _output.OfType<StatusOutput>().Where(line => line.Status == status && line.Policy == policy).Select(line => line.Message)];

    /// <summary>The summary of a policy.</summary>
    public PolicySummary Of(string policy) => Summary!.Policies.Single(summary => summary.Id == policy);

    private async Task PlayAsync(CorpusFolder folder, GenerationBuilder builder)
    {
        var set = PolicySetLoader.Load([folder.Policies], PolicyLoadOptions.Default);
        var build = builder.Build(set.Policies, PluginSetLoader.Discover([folder.Plugins]), previous: null);
        Findings = [.. set.Findings, .. build.Findings];
        if (build.Generation is not { } generation || Findings.Any(finding => finding.Severity == FindingSeverity.Error))
        {
            build.Generation?.Release();
            return;
        }

        using var engine = new PolicyEngine(new PolicyEngineOptions { Output = this });
        engine.Swap(generation);
        var endpoint = $"unix:{Path.Combine(folder.Root, "s")}";
        var options = new KvmiServerOptions { Endpoints = [KvmiEndpoint.Parse(endpoint)] };
        await using (var server = new KvmiServer(options, engine, NullLoggerFactory.Instance, TimeProvider.System))
        {
            server.Start();
            Guest = await Simulation.RunAsync(
                new SimulatorOptions { Endpoint = endpoint, Vcpus = 2, Seed = 1, Settle = TimeSpan.FromMilliseconds(400) }, CancellationToken.None).WaitAsync(Patience);
            await server.StopAsync().WaitAsync(Patience);
        }

        engine.Flush();
        Summary = engine.GetSummary();
    }
}
