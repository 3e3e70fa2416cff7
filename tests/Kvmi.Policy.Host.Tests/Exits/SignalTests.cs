using Kvmi.Policy.Host.Tests.Commands;

namespace Kvmi.Policy.Host.Tests.Exits;

/// <summary>Signals to a host that holds leases of every kind in a guest with three busy vCPUs.</summary>
public sealed class SignalTests
{
    private const int Kill = 9;

    [Theory]
    [InlineData(2)]
    [InlineData(15)]
    public async Task One_signal_ends_in_order_and_leaves_the_machine_as_it_began(int signal)
    {
        using var directory = new TestDirectory();
        await using var guest = new WatchedGuest(directory.Socket());
        await using var host = CommandProcess.Start(directory.Path, Run(directory, ExitPolicies.Holder(directory)));
        AssertHolds(await host.WaitForLineAsync("\"holding\""), guest);
        host.Signal(signal);
        var result = (await host.WaitForExitAsync()).Expect(0);
        Assert.Equal("signal", Assert.Single(result.Json, line => RunCommandTests.Summary(line) == "run").GetProperty("end").GetString());
        Assert.DoesNotContain(result.Json, line => RunCommandTests.Type(line) == "status" && line.GetProperty("status").GetString() == "lease-error");
        WatchedGuest.AssertAllAnswered(await guest.WaitForEndAsync());
        Assert.Empty(guest.State.FindDifferences());
        Assert.Empty(Directory.GetFiles(Path.Combine(directory.Path, "state")));
    }

    [Fact]
    public async Task A_terminal_that_closes_ends_in_order()
    {
        Assert.SkipUnless(File.Exists("/usr/bin/script"), "script(1) of util-linux is not there; it makes the terminal");
        using var directory = new TestDirectory();
        await using var guest = new WatchedGuest(directory.Socket());
        await using var terminal = CommandProcess.StartOnTerminal(directory.Path, Run(directory, ExitPolicies.Holder(directory)));
        AssertHolds(await terminal.WaitForLineAsync("\"holding\""), guest);
        terminal.Signal(Kill);
        WatchedGuest.AssertAllAnswered(await guest.WaitForEndAsync());
        Assert.Empty(guest.State.FindDifferences());
        Assert.Empty(Directory.GetFiles(Path.Combine(directory.Path, "state")));
    }

    [Theory]
    [InlineData(2, 130)]
    [InlineData(15, 143)]
    public async Task A_second_signal_ends_at_once_and_says_what_is_left(int signal, int exitCode)
    {
        using var directory = new TestDirectory();
        using var relay = new Relay(Path.Combine(directory.Path, "relay.sock"), Path.Combine(directory.Path, "kvmi.sock"));
        await using var guest = new WatchedGuest(directory.Socket("relay.sock"), reconnects: true);
        var run = Run(directory, ExitPolicies.Holder(directory));
        await using (var host = CommandProcess.Start(directory.Path, run))
        {
            AssertHolds(await host.WaitForLineAsync("\"holding\""), guest);

            // Giving back needs a guest that answers: the orderly end hangs from here on, until its own limits.
            relay.Hold();
            host.Signal(signal);
            await host.WaitForLineAsync("\"ending\"");
            host.Signal(signal);
            var result = (await host.WaitForExitAsync()).Expect(exitCode);
            Assert.Contains("not given back: ", result.Errors, StringComparison.Ordinal);
            relay.Release();
        }

        await AssertRestoredAsync(directory, guest, run);
    }

    [Fact]
    public async Task After_a_kill_the_vcpus_run_on_and_the_next_start_puts_the_bytes_back()
    {
        using var directory = new TestDirectory();
        await using var guest = new WatchedGuest(directory.Socket(), reconnects: true);
        var run = Run(directory, ExitPolicies.Holder(directory));
        await using (var host = CommandProcess.Start(directory.Path, run))
        {
            AssertHolds(await host.WaitForLineAsync("\"holding\""), guest);
            host.Signal(Kill);
            await host.WaitForExitAsync();
        }

        await AssertRestoredAsync(directory, guest, run);
    }

    /// <summary>The guest runs without a host, with the bytes of the last one and nothing else of it; the next host puts them back.</summary>
    private static async Task AssertRestoredAsync(TestDirectory directory, WatchedGuest guest, string[] run)
    {
        guest.WaitUntilAlone();
        guest.RunsOn();
        Assert.Equal(ExitPolicies.PatchedPages, guest.State.FindDifferences().Order(StringComparer.Ordinal));
        Assert.Single(Directory.GetFiles(Path.Combine(directory.Path, "state")));

        await using var next = CommandProcess.Start(directory.Path, [.. run, "--mode", "audit"]);
        Assert.Contains("\"bytes\":5", await next.WaitForLineAsync("patches-restored"), StringComparison.Ordinal);
        next.Terminate();
        (await next.WaitForExitAsync()).Expect(0);
        guest.WaitUntilAlone();
        guest.RunsOn();
        Assert.Empty(guest.State.FindDifferences());
        Assert.Empty(Directory.GetFiles(Path.Combine(directory.Path, "state")));
    }

    private static string[] Run(TestDirectory directory, string policies) =>
        ["run", "--listen", directory.Socket(), "--policies", policies, "--state", Path.Combine(directory.Path, "state"), "--json"];

    private static void AssertHolds(string line, WatchedGuest guest)
    {
        Assert.Contains("\"patched\":true", line, StringComparison.Ordinal);
        Assert.Contains("\"breakpoint\":true", line, StringComparison.Ordinal);
        var held = guest.State.FindDifferences();
        Assert.Superset(ExitPolicies.PatchedPages.ToHashSet(), held.ToHashSet());
        foreach (var lease in new[] { "traps CR3", "traps LSTAR", "traps breakpoints", "page 0x7000000 has the rights" })
        {
            Assert.Contains(held, difference => difference.Contains(lease, StringComparison.Ordinal));
        }
    }
}
