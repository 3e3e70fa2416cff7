using Kvmi.Policy.Host.Tests.Commands;

namespace Kvmi.Policy.Host.Tests.Workers;

/// <summary>Workers as a user meets them.</summary>
[Collection("workers")]
public sealed class WorkerCommandTests : IDisposable
{
    private readonly TestDirectory _directory = new();

    public void Dispose() => _directory.Dispose();

    [Fact]
    public async Task A_worker_dies_with_a_host_that_is_killed()
    {
        _directory.Write("policies/counter/policy.yaml", SamplePolicies.Yaml.Replace("spec:", "spec:\n  trust: untrusted", StringComparison.Ordinal));
        _directory.Write("policies/counter/counter.csx", SamplePolicies.Script("first"));
        int worker;
        await using (var host = CommandProcess.Start(null, "run", "--listen", _directory.Socket(), "--policies", Path.Combine(_directory.Path, "policies")))
        {
            await host.WaitForLineAsync("Listening on");
            worker = Assert.Single(WorkerRig.Workers(host.Id));
        }

        // Disposing kills the host; the kernel does the rest.
        using var patience = new CancellationTokenSource(TimeSpan.FromSeconds(60));
        while (Directory.Exists($"/proc/{worker}"))
        {
            patience.Token.ThrowIfCancellationRequested();
            await Task.Yield();
        }
    }

    [Fact]
    public async Task Untrusted_policies_decide_in_a_run_and_survive_a_reload()
    {
        _directory.Write("policies/counter/policy.yaml", SamplePolicies.Yaml);
        var script = _directory.Write("policies/counter/counter.csx", SamplePolicies.Script("first"));
        await using var host = CommandProcess.Start(
            null, "run", "--simulate=load", "--untrusted", "--policies", Path.Combine(_directory.Path, "policies"));
        await host.WaitForLineAsync("first");
        await File.WriteAllTextAsync(script, SamplePolicies.Script("second"), TestContext.Current.CancellationToken);
        await host.WaitForLineAsync("second");
        Assert.DoesNotContain(host.Output, line => line.Contains("policy-error", StringComparison.Ordinal));
    }

    [Fact]
    public async Task The_summary_counts_what_became_of_the_workers()
    {
        _directory.Write("policies/counter/policy.yaml", SamplePolicies.Yaml.Replace("spec:", "spec:\n  trust: untrusted\n  budget: { fuel: 1000000000 }", StringComparison.Ordinal));
        _directory.Write("policies/counter/counter.csx", "Decision OnCr3(CrEvent e) { while (true) { } }");
        string[] run = ["run", "--simulate", "--policies", Path.Combine(_directory.Path, "policies")];
        var result = (await CommandProcess.RunAsync([.. run, "--json"])).Expect(0);
        var workers = Assert.Single(result.Json, line => RunCommandTests.Summary(line) == "run").GetProperty("workers");
        var ended = result.Json.Count(line => RunCommandTests.Type(line) == "status" && line.GetProperty("status").GetString() == "worker-ended");
        Assert.InRange(ended, 1, int.MaxValue);
        Assert.Equal((ended, 0, 0), (workers.GetProperty("timeouts").GetInt32(), workers.GetProperty("deaths").GetInt32(), workers.GetProperty("nonsense").GetInt32()));
        Assert.InRange(workers.GetProperty("started").GetInt64(), 1 + workers.GetProperty("restarts").GetInt64(), int.MaxValue);
        Assert.InRange(workers.GetProperty("messages").GetInt64(), 2, int.MaxValue);
        Assert.Contains("; workers: ", (await CommandProcess.RunAsync(run)).Expect(0).Output[^1], StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_run_without_untrusted_policies_says_nothing_of_workers()
    {
        SamplePolicies.Write(_directory, "first");
        var result = (await CommandProcess.RunAsync("run", "--simulate=boot", "--policies", Path.Combine(_directory.Path, "policies"), "--json")).Expect(0);
        Assert.False(Assert.Single(result.Json, line => RunCommandTests.Summary(line) == "run").TryGetProperty("workers", out _));
    }

    /// <summary>What the constructor of an untrusted plugin does, it does in a worker, also for validate and test; and nothing stays.</summary>
    [Theory]
    [InlineData("validate")]
    [InlineData("test")]
    public async Task Validate_and_test_start_a_worker_and_leave_none(string verb)
    {
        // The verb test looks only at policies that have tests.
        const string Tests = "\n  tests:\n    - name: passes\n      steps:\n        - event: cr\n          with: { cr: 3, old: 1, new: 2 }\n          expect: { decision: allow }\n";
        var folder = Directory.CreateDirectory(Path.Combine(_directory.Path, "plugins", "telling")).FullName;
        await File.WriteAllBytesAsync(Path.Combine(folder, "Telling.dll"), PluginAssembly.Build("telling",
            "public Census() => throw new System.InvalidOperationException(\"in a worker: \" + (System.Environment.GetEnvironmentVariable(\"KVMI_POLICY_WORKER\") != null)); "
            + "public Kvmi.Policy.Decision OnCr3(Kvmi.Policy.CrEvent e) => Kvmi.Policy.Decision.Allow;"), TestContext.Current.CancellationToken);
        _directory.Write("policies/telling/policy.yaml", SamplePolicies.Yaml.Replace(
            "  mode: audit", "  mode: audit\n  trust: untrusted\n  script: { plugin: telling, type: Census }", StringComparison.Ordinal) + Tests);
        var result = (await CommandProcess.RunAsync(
            verb, Path.Combine(_directory.Path, "policies"), "--plugins", Path.Combine(_directory.Path, "plugins"))).Expect(1);
        Assert.Contains(result.Output, line => line.Contains("in a worker: True", StringComparison.Ordinal));
        AssertNoOrphans();

        // And where all is well.
        _directory.Write("good/policy.yaml", SamplePolicies.Yaml.Replace("spec:", "spec:\n  trust: untrusted", StringComparison.Ordinal) + Tests);
        _directory.Write("good/good.csx", SamplePolicies.Script("first"));
        (await CommandProcess.RunAsync(verb, Path.Combine(_directory.Path, "good"))).Expect(0);
        AssertNoOrphans();
    }

    // A worker whose parent is no host any more; the kernel ends such a one at once.
    private static void AssertNoOrphans() =>
        Assert.True(SpinWait.SpinUntil(() => WorkerRig.Orphans().Count == 0, TimeSpan.FromSeconds(60)), "a worker is left over");

    [Fact]
    public async Task A_worker_is_not_started_by_hand()
    {
        var result = await CommandProcess.RunAsync("worker");
        Assert.Equal(1, result.ExitCode);
        Assert.Contains("never by hand", result.Errors, StringComparison.Ordinal);
    }
}
