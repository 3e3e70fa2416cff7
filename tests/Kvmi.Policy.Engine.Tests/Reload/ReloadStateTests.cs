namespace Kvmi.Policy.Engine.Tests.Reload;

/// <summary>What of a policy's state outlives a reload: what both versions declare, as far as it fits.</summary>
public sealed class ReloadStateTests
{
    private const string Counting = "Decision OnCr(CrEvent e) { seen.Add((ulong)seen.Count); return Set((ulong)seen.Count); }\n";

    [Fact]
    public async Task Kept_state_goes_on_and_the_report_says_so()
    {
        await using var live = new LiveReload();
        live.SaveScript("p", "var seen = State.Set<ulong>(\"seen\", 64);\n" + Counting);
        await live.Start();
        Assert.Equal(1UL, live.Answer());
        live.SaveScript("p", "var seen = State.Set<ulong>(\"seen\", 64);\n" + Counting + "// 2\n", "2.0.0");
        await live.Reload();

        // The look that the reloader takes when it has started may come late, and find the change before it is asked for.
        Assert.True(Assert.Single(live.Reports.Skip(1).SelectMany(report => report.PolicyChanges)).KeepsState);
        Assert.Equal(2UL, live.Answer());
        Assert.Empty(live.Statuses("state-dropped"));
        Assert.Contains(live.Statuses("in-service")[^1].Fields, field => field is { Name: "stateKept", Value: 1L });
    }

    [Theory]
    [InlineData("  state: { onReload: drop }", "")]
    [InlineData("", "  state: { onReload: drop }")]
    [InlineData("  state: { scope: policy }", "")]
    public async Task State_is_dropped_when_one_version_says_so_or_its_scope_changes(string before, string after)
    {
        await using var live = new LiveReload();
        live.SaveScript("p", "var seen = State.Set<ulong>(\"seen\", 64);\n" + Counting, spec: before);
        await live.Start();
        Assert.Equal(1UL, live.Answer());
        Assert.Equal(2UL, live.Answer());
        live.SaveScript("p", "var seen = State.Set<ulong>(\"seen\", 64);\n" + Counting, "2.0.0", after);
        Assert.True((await live.Reload()).Success);
        Assert.Equal(1UL, live.Answer());
        Assert.Contains(live.Statuses("in-service")[^1].Fields, field => field is { Name: "stateNew", Value: 1L });
    }

    [Theory]
    [InlineData("State.Map<ulong, ulong>(\"seen\", 64)", "'seen' (2 entries; it was a Set<UInt64>, and is a Map<UInt64, UInt64> now)")]
    [InlineData("State.Set<uint>(\"seen\", 64)", "'seen' (2 entries; it was a Set<UInt64>, and is a Set<UInt32> now)")]
    [InlineData("State.Set<ulong>(\"seen\", 1)", "'seen' (1 of 2 entries; its capacity is 1 now)")]
    public async Task A_collection_that_changes_is_reported_with_what_was_lost(string declaration, string lost)
    {
        await using var live = new LiveReload();
        live.SaveScript("p", "var seen = State.Set<ulong>(\"seen\", 64);\n" + Counting);
        await live.Start();
        live.Answer();
        live.Answer();
        live.SaveScript("p", $"var seen = {declaration};\nDecision OnCr(CrEvent e) => Set((ulong)seen.Count);\n", "2.0.0");
        Assert.True((await live.Reload()).Success);
        live.Answer();
        var dropped = Assert.Single(live.Statuses("state-dropped"));
        Assert.Equal("p", dropped.Policy);
        Assert.Contains(lost, dropped.Message, StringComparison.Ordinal);
        Assert.Contains("policy p 1.0.0 on", dropped.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Elements_of_the_scripts_own_type_end_with_it_and_are_reported()
    {
        await using var live = new LiveReload();
        const string script = "record struct Key(ulong A);\nvar seen = State.Set<Key>(\"seen\", 64);\n"
            + "Decision OnCr(CrEvent e) { seen.Add(new Key((ulong)seen.Count)); return Set((ulong)seen.Count); }\n";
        live.SaveScript("p", script);
        await live.Start();
        Assert.Equal(1UL, live.Answer());
        Assert.Equal(2UL, live.Answer());
        live.SaveScript("p", script + "// 2\n", "2.0.0");
        Assert.True((await live.Reload()).Success);
        Assert.Equal(1UL, live.Answer());
        Assert.Contains("'seen' (2 entries, whose type was the policy's own)", Assert.Single(live.Statuses("state-dropped")).Message, StringComparison.Ordinal);
    }
}
