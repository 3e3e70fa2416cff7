using Kvmi.Policy.Testing.Policies;

namespace Kvmi.Policy.Testing.Tests.Policies;

public sealed class PolicyTestSuiteTests
{
    private const string Lock = """
        mode: enforce
        parameters:
          allowed: { type: gva, default: 0x0 }
        subscriptions:
          - event: msr
            when: { msr: lstar, changed: true }
            handler: OnLstar
        tests:
        """;

    private const string LockScript = """
        var allowed = Params.Gva("allowed");

        Decision OnLstar(MsrEvent e)
        {
            if (e.Old == 0 || e.New == allowed) return Allow;
            Alert("hijack", new { e.New });
            return Keep(e.Old);
        }
        """;

    [Fact]
    public void Expectations_that_hold_pass()
    {
        var result = Run(Lock + """

              - name: hijack is undone
                steps:
                  - event: msr
                    with: { msr: lstar, old: 0x1000, new: 0x2000 }
                    expect: { decision: keep, value: 0x1000, alerts: [hijack], records: [] }
            """, LockScript);
        Assert.Empty(result.Failures);
    }

    [Fact]
    public void Mode_and_parameters_are_those_of_the_test()
    {
        Assert.Empty(Run(Lock + """

              - name: audit
                mode: audit
                steps:
                  - event: msr
                    with: { msr: lstar, old: 0x1000, new: 0x2000 }
                    expect: { decision: allow, value: 0x2000, wouldHave: keep, alerts: [hijack] }
            """, LockScript).Failures);
        Assert.Empty(Run(Lock + """

              - name: allowed target
                parameters: { allowed: 0x2000 }
                steps:
                  - event: msr
                    with: { msr: lstar, old: 0x1000, new: 0x2000 }
                    expect: { decision: allow, alerts: [] }
            """, LockScript).Failures);
    }

    [Theory]
    [InlineData("decision: allow", "decision: expected allow, got keep")]
    [InlineData("value: 0x7", "value: expected 0x7, got 0x1000")]
    [InlineData("alerts: []", "alerts: expected [], got [hijack]")]
    [InlineData("records: [seen]", "records: expected [seen], got []")]
    [InlineData("exception: ud", "exception: expected vector 6, got none")]
    [InlineData("wouldHave: crash", "wouldHave: expected crash, got none")]
    [InlineData("registers: { rax: 0x5 }", "register rax: expected 0x5, got 0x0")]
    [InlineData("page: { 0x1000: r-x }", "page 0x1000: expected r-x, got rwx")]
    public void A_failure_says_what_was_expected_and_what_came_and_where(string expectation, string message)
    {
        var result = Run(Lock + $$"""

              - name: wrong
                steps:
                  - event: msr
                    with: { msr: lstar, old: 0x1000, new: 0x2000 }
                    expect: { {{expectation}} }
            """, LockScript);
        var failure = Assert.Single(result.Failures);
        Assert.Contains(message, failure, StringComparison.Ordinal);
        Assert.Matches(@"policy\.yaml:\d+: step 1: ", failure);
    }

    [Fact]
    public void A_handler_that_throws_fails_its_test()
    {
        var result = Run(Lock + """

              - name: throws
                steps:
                  - event: msr
                    with: { msr: lstar, old: 0x1000, new: 0x2000 }
            """, "Decision OnLstar(MsrEvent e) => throw new InvalidOperationException(\"boom\");");
        Assert.Contains("boom", Assert.Single(result.Failures), StringComparison.Ordinal);
    }

    [Fact]
    public void Tests_do_not_see_each_others_state()
    {
        using var policies = new TestPolicies();
        policies.Write("counter", """
            mode: audit
            subscriptions:
              - event: cr
                when: { cr: 3 }
                handler: OnCr3
            tests:
              - name: first
                steps:
                  - event: cr
                    with: { cr: 3, old: 0x1000, new: 0x2000 }
                    expect: { records: [new-root] }
              - name: second
                steps:
                  - event: cr
                    with: { cr: 3, old: 0x1000, new: 0x2000 }
                    expect: { records: [new-root] }
                  - event: cr
                    with: { cr: 3, old: 0x2000, new: 0x2000 }
                    expect: { records: [] }
            """, """
            var roots = State.Set<ulong>("roots", 64);
            Decision OnCr3(CrEvent e)
            {
                if (roots.Add(e.New)) Record("new-root");
                return Allow;
            }
            """);
        Assert.All(policies.RunTests(), result => Assert.Empty(result.Failures));
    }

    [Fact]
    public void Memory_code_and_privilege_level_are_what_the_test_says()
    {
        Assert.Empty(Run("""
            mode: enforce
            subscriptions:
              - event: pf
                when: { access: x }
                handler: OnExecute
            watch:
              - { range: 0x1000000-0x1002000, access: r-- }
            tests:
              - name: reads its code and injects
                memory: [{ gpa: 0x1000000, bytes: "0f0b90" }]
                steps:
                  - event: pf
                    with: { access: x, gpa: 0x1000000, gva: 0xffffffff81000000, rip: 0xffffffff81000000, cs: 0x10 }
                    expect: { decision: inject, exception: ud, alerts: [kernel-0f0b90] }
                  - event: pf
                    with: { access: x, gpa: 0x1000000, gva: 0x1000000, rip: 0x1000000, cs: 0x33 }
                    expect: { decision: inject, alerts: [user-0f0b90] }
            """, """
            Decision OnExecute(PageFaultEvent e)
            {
                var code = Memory.TryReadVirtual(e, e.Gva, 3);
                Alert((e.Cpl == 0 ? "kernel-" : "user-") + (code is null ? "unreadable" : Convert.ToHexStringLower(code)));
                return Inject(Exceptions.InvalidOpcode);
            }
            """).Failures);
    }

    private static PolicyTestResult Run(string spec, string script)
    {
        using var policies = new TestPolicies();
        policies.Write("lock", spec, script);
        return Assert.Single(policies.RunTests());
    }
}
