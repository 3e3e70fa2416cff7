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
    public async Task A_worker_is_not_started_by_hand()
    {
        var result = await CommandProcess.RunAsync("worker");
        Assert.Equal(1, result.ExitCode);
        Assert.Contains("never by hand", result.Errors, StringComparison.Ordinal);
    }
}
