using System.Runtime.Versioning;

namespace Kvmi.Policy.Host.Tests.Commands;

/// <summary>What is left in a guest's memory when the host dies, and what the next start makes of it.</summary>
[SupportedOSPlatform("linux")]
public sealed class CrashJournalTests
{
    private const string Yaml = """
        apiVersion: kvmi.policy/v1
        kind: Policy
        metadata:
          id: test.patcher
          version: 1.0.0
          title: Writes four bytes into the guest
        spec:
          mode: enforce
          budget: { timeout: 500ms }    # the tests are not about deadlines, and the machine may be busy
          subscriptions:
            - event: cr
              when: { cr: 3 }
              handler: OnCr3
        """;

    private const string Patcher = """
        var told = false;

        Decision OnCr3(CrEvent e)
        {
            if (!told)
            {
                told = true;
                var before = Memory.TryReadPhysical(0x7000000, 4);
                var done = Memory.TryWritePhysical(0x7000000, new byte[] { 0xDE, 0xAD, 0xBE, 0xEF });
                Alert("patched", new { done, before, after = Memory.TryReadPhysical(0x7000000, 4) });
            }

            return Allow;
        }
        """;

    [Fact]
    public async Task Bytes_that_a_killed_host_left_behind_are_put_back_when_the_VM_connects_to_the_next_one()
    {
        using var directory = new TestDirectory();
        var policies = Write(directory);
        var state = Path.Combine(directory.Path, "state");
        string[] run = ["run", "--listen", directory.Socket(), "--policies", policies, "--state", state, "--json"];
        await using var guest = CommandProcess.Start(
            directory.Path, "simulate", "--connect", directory.Socket(), "--scenario", "load", "--reconnect", "200ms", "--json");
        await using (var first = CommandProcess.Start(directory.Path, run))
        {
            var patched = await first.WaitForLineAsync("\"patched\"");
            Assert.Contains("\"before\":\"00000000\"", patched, StringComparison.OrdinalIgnoreCase);
            Assert.Contains("\"after\":\"deadbeef\"", patched, StringComparison.OrdinalIgnoreCase);
            first.Signal(9);
            await first.WaitForExitAsync();
        }

        Assert.Single(Directory.GetFiles(state));
        await using var second = CommandProcess.Start(directory.Path, run);
        var restored = await second.WaitForLineAsync("patches-restored");
        Assert.Contains("\"bytes\":4", restored, StringComparison.Ordinal);
        var again = await second.WaitForLineAsync("\"patched\"");
        Assert.Contains("\"before\":\"00000000\"", again, StringComparison.OrdinalIgnoreCase);
        second.Terminate();
        (await second.WaitForExitAsync()).Expect(0);
        Assert.Empty(Directory.GetFiles(state));
    }

    [Fact]
    public async Task A_journal_that_cannot_be_written_refuses_the_patch_and_nothing_else()
    {
        using var directory = new TestDirectory();
        var policies = Write(directory);

        // A file where the journal's directory was: it fails for root too, as a full disk does.
        var state = Directory.CreateDirectory(Path.Combine(directory.Path, "state"), UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute).FullName;
        await using var host = CommandProcess.Start(
            directory.Path, "run", "--listen", directory.Socket(), "--policies", policies, "--state", state, "--json");
        await host.WaitForLineAsync("listening");
        Directory.Delete(state);
        await File.WriteAllTextAsync(state, "");
        await using var guest = CommandProcess.Start(
            directory.Path, "simulate", "--connect", directory.Socket(), "--scenario", "load", "--json");
        var refused = await host.WaitForLineAsync("patch-refused");
        Assert.Contains("test.patcher", refused, StringComparison.Ordinal);
        Assert.Contains("\"done\":false", await host.WaitForLineAsync("\"patched\""), StringComparison.Ordinal);
        host.Terminate();
        (await host.WaitForExitAsync()).Expect(0);
    }

    [Fact]
    public async Task A_signal_puts_all_policies_into_audit_mode_and_another_takes_that_back()
    {
        using var directory = new TestDirectory();
        var policies = Write(directory);
        var state = Path.Combine(directory.Path, "state");
        await using var guest = CommandProcess.Start(
            directory.Path, "simulate", "--connect", directory.Socket(), "--scenario", "load", "--reconnect", "200ms", "--json");
        await using var host = CommandProcess.Start(
            directory.Path, "run", "--listen", directory.Socket(), "--policies", policies, "--state", state, "--json");
        await host.WaitForLineAsync("\"patched\"");
        Assert.Single(Directory.GetFiles(state));
        host.Signal(10);
        await host.WaitForLineAsync("All policies are in audit mode");
        Assert.Empty(Directory.GetFiles(state));
        host.Signal(12);
        await host.WaitForLineAsync("All policies are in the mode that their files say");
        host.Terminate();
        (await host.WaitForExitAsync()).Expect(0);
    }

    [Fact]
    public async Task A_run_can_start_with_everything_off()
    {
        using var directory = new TestDirectory();
        var result = (await CommandProcess.RunInAsync(directory.Path, "run", "--simulate=boot", "--master", "off", "--json")).Expect(0);
        Assert.Contains(result.Output, line => line.Contains("is not in service", StringComparison.Ordinal));
        Assert.DoesNotContain(result.Json, line => line.GetProperty("type").GetString() is "alert" or "decision");
    }

    private static string Write(TestDirectory directory)
    {
        directory.Write("policies/patcher/policy.yaml", Yaml);
        directory.Write("policies/patcher/patcher.csx", Patcher);
        return Path.Combine(directory.Path, "policies");
    }
}
