namespace Kvmi.Policy.Testing.Tests.Policies;

public sealed class TraceTests : IDisposable
{
    private const string Script = """
        Decision OnCr3(CrEvent e)
        {
            if (e.New == 0xc64000) Alert("seen");
            return Allow;
        }
        """;

    private readonly TestPolicies _policies = new();

    [Fact]
    public void A_trace_is_replayed_and_its_totals_are_checked()
    {
        Write("decisions: { allow: 28 }, alerts: { seen: 1 }");

        var result = Assert.Single(_policies.RunTests());
        Assert.Empty(result.Failures);
    }

    [Fact]
    public void Wrong_totals_fail_with_what_was_expected_and_what_came()
    {
        Write("decisions: { keep: 2 }, alerts: { seen: 3 }");

        var result = Assert.Single(_policies.RunTests());
        Assert.Equal(
            ["alert seen: expected 3, the trace gave 1", "decision Keep: expected 2, the trace gave 0"],
            result.Failures);
    }

    [Fact]
    public void Single_events_are_checked_by_their_number()
    {
        Write("at: { 1: { decision: allow, alerts: [] }, 28: { decision: allow } }");
        Assert.Empty(Assert.Single(_policies.RunTests()).Failures);
    }

    [Fact]
    public void An_event_that_gives_something_else_fails_with_its_number()
    {
        Write("at: { 2: { decision: keep, value: 0x1 }, 29: { decision: allow } }");

        var failures = Assert.Single(_policies.RunTests()).Failures;
        Assert.Equal(3, failures.Count);
        Assert.StartsWith("event 2 (cr3): decision: expected keep, got allow", failures[0], StringComparison.Ordinal);
        Assert.StartsWith("event 2 (cr3): value: expected 0x1, got 0x", failures[1], StringComparison.Ordinal);
        Assert.StartsWith("event 29: expected, but the trace has only 28 decided events", failures[2], StringComparison.Ordinal);
    }

    [Fact]
    public void A_file_that_is_no_trace_fails_its_test()
    {
        Write("alerts: { seen: 1 }", copy: false);
        File.WriteAllText(_policies.PathOf("traced", "linux.hex"), "hello");

        Assert.Contains("cannot replay", Assert.Single(Assert.Single(_policies.RunTests()).Failures), StringComparison.Ordinal);
    }

    [Fact]
    public void A_trace_that_is_missing_fails_its_test_and_not_the_policy()
    {
        Write("alerts: { seen: 1 }", copy: false);

        var result = Assert.Single(_policies.RunTests());
        Assert.Contains("does not exist", Assert.Single(result.Failures), StringComparison.Ordinal);
    }

    public void Dispose() => _policies.Dispose();

    private void Write(string expect, bool copy = true)
    {
        _policies.Write(
            "traced",
            $$"""
            mode: audit
            subscriptions:
              - event: cr
                when: { cr: 3 }
                handler: OnCr3
            tests:
              - name: recorded
                trace: linux.hex
                expect: { {{expect}} }
            """,
            Script);
        if (copy)
        {
            File.Copy(
                Path.Combine(AppContext.BaseDirectory, "Fixtures", "captures", "kvmi-v7-linux-cr3.hex"),
                _policies.PathOf("traced", "linux.hex"));
        }
    }
}
