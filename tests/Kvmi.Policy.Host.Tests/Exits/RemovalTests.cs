using Kvmi.Policy.Host.Tests.Commands;

namespace Kvmi.Policy.Host.Tests.Exits;

/// <summary>A policy whose file is removed while everything that it took is in force.</summary>
public sealed class RemovalTests
{
    [Fact]
    public async Task A_policy_that_is_removed_gives_everything_back_while_the_guest_runs()
    {
        using var directory = new TestDirectory();
        var policies = ExitPolicies.Holder(directory);
        directory.Write("policies/other/policy.yaml", """
            apiVersion: kvmi.policy/v1
            kind: Policy
            metadata: { id: test.other, version: 1.0.0, title: Stays }
            spec:
              mode: enforce
              subscriptions:
                - { event: msr, when: { msr: star }, then: { decision: allow } }
            """);
        await using var guest = new WatchedGuest(directory.Socket());
        await using var host = CommandProcess.Start(
            directory.Path, "run", "--listen", directory.Socket(), "--policies", policies, "--state", Path.Combine(directory.Path, "state"), "--json");
        await host.WaitForLineAsync("\"holding\"");
        string[] leases = [.. ExitPolicies.PatchedPages, "traps CR3", "traps LSTAR", "traps breakpoints", "page 0x7000000 has the rights"];
        guest.WaitUntil(held => leases.All(lease => held.Any(difference => difference.Contains(lease, StringComparison.Ordinal))), "the policy holds one lease of every kind");
        Assert.Single(Directory.GetFiles(Path.Combine(directory.Path, "state")));

        // In one step: a folder that is deleted file by file can be two changes.
        Directory.Move(Path.Combine(policies, "holder"), Path.Combine(directory.Path, "taken-out"));
        await host.WaitForLineAsync("\"reloaded\"");

        // On all three vCPUs; what stays is the other policy's trap.
        guest.WaitUntil(held => held.Count > 0 && held.All(difference => difference.Contains("traps STAR", StringComparison.Ordinal)), "everything of the policy's is given back");
        Assert.Equal(3, guest.State.FindDifferences().Count);
        guest.RunsOn();
        Assert.Empty(Directory.GetFiles(Path.Combine(directory.Path, "state")));

        host.Terminate();
        var result = (await host.WaitForExitAsync()).Expect(0);
        var summaries = result.Json.Where(line => RunCommandTests.Summary(line) == "policy").ToDictionary(line => line.GetProperty("policy").GetString()!);
        Assert.False(summaries["test.holder"].GetProperty("live").GetBoolean());
        Assert.NotEqual(0, summaries["test.holder"].GetProperty("events").GetInt64());
        Assert.True(summaries["test.other"].GetProperty("live").GetBoolean());
        Assert.DoesNotContain(result.Json, line => RunCommandTests.Type(line) == "status" && line.GetProperty("status").GetString() is "lease-error" or "patches-left");
        Assert.Equal(1, Assert.Single(result.Json, line => RunCommandTests.Summary(line) == "run").GetProperty("reloads").GetInt64());
        WatchedGuest.AssertAllAnswered(await guest.WaitForEndAsync());
        Assert.Empty(guest.State.FindDifferences());
    }
}
