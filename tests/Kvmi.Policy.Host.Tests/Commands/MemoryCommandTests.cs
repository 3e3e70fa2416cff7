using static Kvmi.Policy.Host.Tests.Commands.RunCommandTests;

namespace Kvmi.Policy.Host.Tests.Commands;

/// <summary>What policies that read guest memory cost a VM in READ_PHYSICAL commands, as the hypervisor counts them.</summary>
public sealed class MemoryCommandTests
{
    private const string Single = "var a = Memory.TryReadVirtual(e, e.Rip, 64); var b = Memory.TryReadVirtual(e, e.Rip + 0x1000, 64);";
    private const string Together = "var r = Memory.TryReadVirtual(e, [new(e.Rip, 64), new(e.Rip + 0x1000, 64)]); var (a, b) = (r[0], r[1]);";

    [Fact]
    public async Task Reads_of_one_event_are_asked_for_once_by_all_policies_together()
    {
        var off = await RunAsync(Single, policies: 1, "--memory-cache", "0");
        var single = await RunAsync(Single, policies: 1);
        var together = await RunAsync(Together, policies: 1);
        var three = await RunAsync(Together, policies: 3);
        var untrusted = await RunAsync(Together, policies: 3, "--untrusted");

        // Two pages of one region: the second read needs its own page and the last table, not the whole walk again.
        Assert.True(single.Commands < off.Commands, $"{single.Commands} commands with a cache, {off.Commands} without");
        Assert.Equal(single.Commands, together.Commands);
        Assert.Equal(together.Commands, three.Commands);
        Assert.Equal(three.Commands, untrusted.Commands);

        // And they are the same bytes.
        Assert.NotEmpty(off.Seen);
        Assert.Equal(off.Seen, single.Seen);
        Assert.Equal(off.Seen, together.Seen);
        Assert.Equal(off.Seen.SelectMany(seen => Enumerable.Repeat(seen, 3)).Order(StringComparer.Ordinal), three.Seen.Order(StringComparer.Ordinal));
        Assert.Equal(three.Seen.Order(StringComparer.Ordinal), untrusted.Seen.Order(StringComparer.Ordinal));
    }

    [Theory]
    [InlineData("7")]
    [InlineData("1025")]
    [InlineData("-1")]
    [InlineData("many")]
    public async Task A_cache_of_another_size_is_wrong_usage(string pages)
    {
        using var directory = new TestDirectory();
        var result = (await CommandProcess.RunInAsync(directory.Path, "run", "--simulate", "--memory-cache", pages)).Expect(2);
        Assert.Contains("8 to 1024", result.Errors, StringComparison.Ordinal);
    }

    private static async Task<(long Commands, string[] Seen)> RunAsync(string read, int policies, params string[] options)
    {
        using var directory = new TestDirectory();
        for (var i = 0; i < policies; i++)
        {
            directory.Write($"policies/p{i}/policy.yaml", $$"""
                apiVersion: kvmi.policy/v1
                kind: Policy
                metadata: { id: test.reads{{i}}, version: 1.0.0, title: Reads }
                spec:
                  mode: audit
                  budget: { timeout: 500ms }
                  subscriptions:
                    - { event: msr, when: { msr: lstar }, handler: OnLstar }
                """);
            directory.Write($"policies/p{i}/p.csx", $$"""Decision OnLstar(MsrEvent e) { {{read}} Alert("code", new { e.Vcpu, a, b }); return Allow; }""");
        }

        // On a busy machine a policy may run out of its time, and then some of its reads are missing: that run says nothing.
        for (var attempt = 0; attempt < 10; attempt++)
        {
            var result = (await CommandProcess.RunInAsync(
                directory.Path, ["run", "--simulate", "--vcpus", "1", "--policies", "policies", "--json", .. options])).Expect(0);
            Assert.DoesNotContain(result.Json, line => Type(line) == "finding");
            var guest = Assert.Single(result.Json, line => Summary(line) == "simulation");
            AssertAllAnswered(guest);
            string[] seen = [.. result.Json.Where(line => Type(line) == "alert").Select(line => line.GetProperty("fields").GetRawText())];
            if (seen.Length == guest.GetProperty("events").GetProperty("msr").GetInt64() * policies)
            {
                return (guest.GetProperty("commands").GetProperty("ReadPhysical").GetInt64(), seen);
            }
        }

        throw new InvalidOperationException("In none of 10 runs did every policy have time for every event.");
    }
}
