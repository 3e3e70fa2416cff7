using Kvmi.Policy.Engine.Configuration;
using Kvmi.Policy.Engine.Generations;
using Kvmi.Policy.Engine.Plugins;
using Kvmi.Policy.Engine.Scripting;
using Kvmi.Policy.Engine.Scripting.Coverage;
using Kvmi.Policy.Testing.Policies;
using Kvmi.Protocol;

namespace Kvmi.Policy.Testing.Tests.Policies;

/// <summary>What counts which parts of a script ran, and that it changes nothing else.</summary>
public sealed class CoverageTests
{
    private const string Spec = """
        mode: enforce
        subscriptions:
          - event: cr
            when: { cr: 3 }
            handler: OnCr3
        tests:
          - name: all kinds of code
            steps:
              - event: cr
                with: { cr: 3, old: 0x1000, new: 0x2000 }
                expect: { decision: allow, records: [switch-two, loop-3, lambda-6, caught, finally, iterator-3, short] }
        """;

    private const string Script = """
        using System.Collections.Generic;
        using System.Linq;

        var names = new Dictionary<int, string> { [1] = "one", [2] = "two" };

        Decision OnCr3(CrEvent e)
        {
            switch ((int)(e.New >> 12))
            {
                case 1: Record("switch-one"); break;
                case 2: Record("switch-" + names[2]); break;
                case 3: Record("switch-three"); break;
                case 4: Record("switch-four"); break;
            }

            var count = 0;
            for (var i = 0; i < 3; i++)
                count++;
            Record("loop-" + count);
            Record("lambda-" + new[] { 1, 2, 3 }.Sum(number => number));
            try
            {
                if (count == 3)
                    throw new InvalidOperationException();
            }
            catch (InvalidOperationException)
            {
                Record("caught");
            }
            finally
            {
                Record("finally");
            }

            var sum = 0;
            foreach (var number in Numbers(3))
                sum += number;
            Record("iterator-" + sum);
            if (e.Cr == 3 && e.Old != 0 || e.New == 7)
                Record("short");
            return Allow;
        }

        IEnumerable<int> Numbers(int last)
        {
            for (var i = 0; i < last; i++)
                yield return i;
        }
        """;

    [Fact]
    public void A_measured_script_does_what_it_did_and_its_lines_are_counted()
    {
        var (results, coverage) = Measure(Spec, Script);
        Assert.All(results, result => Assert.Empty(result.Failures));
        var file = Assert.Single(coverage.Files);
        var lines = file.Lines.ToDictionary(line => line.Line);

        // Each line by its text: what must have run, and what cannot have.
        Assert.All([4, 8, 11, 16, 18, 19, 20, 24, 28, 32, 37, 38, 40, 46, 47], line => Assert.True(lines[line].Hits > 0, $"line {line} did not run"));
        Assert.All([10, 12, 13], line => Assert.Equal(0, lines[line].Hits));
        Assert.Equal((3L, 3L), (lines[18].Hits, lines[37].Hits));
        var handler = Assert.Single(coverage.Handlers);
        Assert.Equal(("OnCr3", EventKind.Cr, 1L), (handler.Handler, handler.Event, handler.Hits));
        Assert.Null(coverage.NotMeasured);
    }

    [Fact]
    public void Branches_are_the_ways_out_of_each_condition()
    {
        var (_, coverage) = Measure(Spec, Script);
        var lines = Assert.Single(coverage.Files).Lines.ToDictionary(line => line.Line);

        // A switch over four values and the rest, of which one was taken; a loop that went on and ended; an if that held.
        Assert.Equal((5, 1), (lines[8].Branches, lines[8].TakenBranches));
        Assert.Equal((2, 2), (lines[17].Branches, lines[17].TakenBranches));
        Assert.Equal((2, 1), (lines[23].Branches, lines[23].TakenBranches));

        // && and || are three conditions: the third was never asked.
        Assert.Equal((6, 2), (lines[39].Branches, lines[39].TakenBranches));

        // The delegate that the compiler keeps for the lambda is no branch of the script.
        Assert.Equal(0, lines[20].Branches);
    }

    [Fact]
    public void Several_tests_of_one_policy_add_up_and_then_is_a_handler_too()
    {
        var (results, coverage) = Measure("""
            mode: enforce
            subscriptions:
              - { event: cr, when: { cr: 4 }, then: { decision: keep, alert: pinned } }
              - { event: cr, when: { cr: 0 }, then: { decision: keep } }
            tests:
              - { name: a, steps: [{ event: cr, with: { cr: 4, old: 1, new: 2 }, expect: { decision: keep } }] }
              - { name: b, steps: [{ event: cr, with: { cr: 4, old: 1, new: 3 }, expect: { decision: keep } }] }
            """, script: null);
        Assert.All(results, result => Assert.Empty(result.Failures));
        Assert.Equal([2L, 0L], coverage.Handlers.Select(handler => handler.Hits));
        Assert.Equal((1, "no script"), (coverage.HitHandlers, coverage.NotMeasured));
        Assert.Empty(coverage.Files);
    }

    [Fact]
    public void A_static_variable_of_a_script_is_new_for_each_test()
    {
        var (results, _) = Measure("""
            mode: enforce
            subscriptions:
              - { event: cr, when: { cr: 3 }, handler: OnCr3 }
            tests:
              - { name: a, steps: [{ event: cr, with: { cr: 3, old: 1, new: 2 }, expect: { records: [call-1] } }] }
              - { name: b, steps: [{ event: cr, with: { cr: 3, old: 1, new: 2 }, expect: { records: [call-1] } }] }
            """, """
            static int calls;

            Decision OnCr3(CrEvent e)
            {
                Record("call-" + ++calls);
                return Allow;
            }
            """);
        Assert.All(results, result => Assert.Empty(result.Failures));
        Assert.Equal(2, results.Count);
    }

    private static (IReadOnlyList<PolicyTestResult> Results, PolicyCoverage Coverage) Measure(string spec, string? script)
    {
        using var policies = new TestPolicies();
        policies.Write("measured", spec, script);
        var coverage = new ScriptCoverage();
        var builder = new GenerationBuilder(new ScriptCompiler(), new CollectiblePluginLoader(), TimeProvider.System) { Coverage = coverage };
        var set = PolicySetLoader.Load([Path.GetDirectoryName(policies.PathOf("measured", "policy.yaml"))!], PolicyLoadOptions.Default);
        Assert.Empty(set.Findings);
        var policy = Assert.Single(set.Policies);
        var results = new PolicyTestSuite(builder, PluginCatalog.Empty, PolicyLoadOptions.Default).Run(policy, set.Policies);
        return (results, coverage.Of(policy));
    }
}
