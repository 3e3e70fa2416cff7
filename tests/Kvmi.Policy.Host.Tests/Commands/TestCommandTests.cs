using System.Globalization;
using System.Text.Json;
using System.Xml;
using System.Xml.Linq;
using System.Xml.Schema;

namespace Kvmi.Policy.Host.Tests.Commands;

/// <summary>The verb test: what it runs, reports and measures.</summary>
public sealed class TestCommandTests : IDisposable
{
    private const string Lock = """
        apiVersion: kvmi.policy/v1
        kind: Policy
        metadata: { id: test.lock, version: 1.0.0, title: Keeps LSTAR }
        spec:
          mode: enforce
          subscriptions:
            - { event: msr, when: { msr: lstar }, handler: OnLstar }
            - { event: cr, when: { cr: 4 }, handler: OnCr4 }
          tests:
            - name: first write passes
              steps:
                - event: msr
                  with: { msr: lstar, old: 0, new: 0x1000 }
                  expect: { decision: allow, alerts: [] }
            - name: hijack is undone
              steps:
                - event: msr
                  with: { msr: lstar, old: 0x1000, new: 0x2000 }
                  expect: { decision: keep, alerts: [hijack] }
        """;

    private const string LockScript = """
        Decision OnLstar(MsrEvent e)
        {
            if (e.Old == 0)
                return Allow;

            Alert("hijack", new { e.Old, e.New });
            return e.New == 0x3000
                ? Allow
                : Keep(e.Old);
        }

        Decision OnCr4(CrEvent e)
        {
            return Allow;
        }
        """;

    private readonly TestDirectory _directory = new();

    public void Dispose() => _directory.Dispose();

    [Theory]
    [InlineData("hijack", "hijack is undone")]
    [InlineData("LOCK: first", "first write passes")]
    [InlineData("first*passes", "first write passes")]
    [InlineData("test.lock: *undone", "hijack is undone")]
    public async Task A_filter_chooses_by_policy_and_name(string filter, string name)
    {
        WriteLock();
        var listed = (await TestAsync("--filter", filter, "--list")).Expect(0);
        Assert.Equal([$"test.lock: {name}", "1 tests"], listed.Output);
        var run = (await TestAsync("--filter", filter)).Expect(0);
        Assert.Equal([$"passed  test.lock: {name}", "1 passed, 0 failed"], run.Output);
    }

    [Fact]
    public async Task A_filter_by_id_takes_all_tests_of_a_policy_and_several_filters_add_up()
    {
        WriteLock();
        Assert.Equal("2 passed, 0 failed", (await TestAsync("--filter", "test.lock")).Expect(0).Output[^1]);
        Assert.Equal("2 passed, 0 failed", (await TestAsync("--filter", "first", "--filter", "hijack")).Expect(0).Output[^1]);
        var nothing = (await TestAsync("--filter", "misspelt")).Expect(2);
        Assert.Contains("--filter 'misspelt' matches none of 2 tests", nothing.Errors, StringComparison.Ordinal);
    }

    [Fact]
    public async Task The_list_says_where_each_test_is_written()
    {
        WriteLock();
        var listed = (await TestAsync("--list", "--json")).Expect(0).Json;
        var tests = listed.Where(line => RunCommandTests.Type(line) == "test").ToList();
        Assert.Equal(["first write passes", "hijack is undone"], tests.Select(line => line.GetProperty("test").GetString()));
        Assert.Equal([10, 15], tests.Select(line => line.GetProperty("line").GetInt32()));
        Assert.Equal(2, Assert.Single(listed, line => RunCommandTests.Summary(line) == "tests").GetProperty("listed").GetInt32());
    }

    [Fact]
    public async Task A_failed_step_shows_what_was_seen_and_which_step_it_was()
    {
        WriteLock(Lock.Replace("decision: keep, alerts: [hijack]", "decision: allow, alerts: []", StringComparison.Ordinal));
        var text = (await TestAsync()).Expect(1).Output;
        Assert.Contains(text, line => line.Contains("policy.yaml:17: step 1: decision: expected allow, got keep", StringComparison.Ordinal));
        Assert.Contains(text, line => line.Contains("seen: decision keep 0x1000", StringComparison.Ordinal));
        Assert.Contains(text, line => line.Contains("seen: alert hijack old=0x1000 new=0x2000", StringComparison.Ordinal));
        var failed = Assert.Single((await TestAsync("--json")).Expect(1).Json,
            line => RunCommandTests.Type(line) == "status" && line.GetProperty("status").GetString() == "test-failed");
        Assert.Equal((1, 17, 2), (failed.GetProperty("step").GetInt32(), failed.GetProperty("line").GetInt32(), failed.GetProperty("seen").GetArrayLength()));
    }

    [Fact]
    public async Task JUnit_is_valid_whatever_policies_say()
    {
        WriteLock(Lock, """Decision OnLstar(MsrEvent e) { if (e.Old != 0) throw new Exception("\u0001\u001b[2J <&]]>\ufffe"); return Allow; } Decision OnCr4(CrEvent e) => Allow;""");
        _directory.Write("policies/bad/policy.yaml", "apiVersion: kvmi.policy/v1\nkind: Policy\nmetadata: { id: Bad Id }\n");
        var file = Path.Combine(_directory.Path, "junit.xml");
        (await TestAsync("--junit", file)).Expect(1);
        var document = Validated(file);
        var suites = document.Root!.Elements("testsuite").ToList();
        Assert.Equal(["test.lock"], suites.Where(suite => suite.Attribute("errors")!.Value == "0").Select(suite => suite.Attribute("name")!.Value));
        Assert.Equal(["2", "1"], new[] { suites[0].Attribute("tests")!.Value, suites[0].Attribute("failures")!.Value });
        var failure = Assert.Single(document.Descendants("failure"));
        Assert.Contains("\\u{1}\\u{1b}[2J <&]]>\\u{fffe}", failure.Value, StringComparison.Ordinal);
        Assert.Contains("policy.yaml:17:", failure.Value, StringComparison.Ordinal);
        Assert.Equal("hijack is undone", failure.Parent!.Attribute("name")!.Value);
        Assert.Contains("policies/bad/policy.yaml:3:", Assert.Single(document.Descendants("error")).Value, StringComparison.Ordinal);
    }

    [Fact]
    public async Task JUnit_of_tests_that_pass_has_no_failure()
    {
        WriteLock();
        var file = Path.Combine(_directory.Path, "junit.xml");
        (await TestAsync("--junit", file)).Expect(0);
        Assert.Equal(["first write passes", "hijack is undone"], Validated(file).Descendants("testcase").Select(test => test.Attribute("name")!.Value));
    }

    [Fact]
    public async Task A_plugin_that_never_returns_fails_its_test_and_the_others_go_on()
    {
        var folder = Directory.CreateDirectory(Path.Combine(_directory.Path, "plugins", "hanging")).FullName;
        await File.WriteAllBytesAsync(Path.Combine(folder, "Hanging.dll"), PluginAssembly.Build("hanging",
            "public Kvmi.Policy.Decision OnCr3(Kvmi.Policy.CrEvent e) { System.Threading.Thread.Sleep(System.Threading.Timeout.Infinite); return Kvmi.Policy.Decision.Allow; }"),
            TestContext.Current.CancellationToken);
        _directory.Write("policies/hanging/policy.yaml", SamplePolicies.Yaml.Replace("test.counter", "test.hanging", StringComparison.Ordinal)
            .Replace("  mode: audit", "  mode: audit\n  script: { plugin: hanging, type: Census }", StringComparison.Ordinal) + """

              tests:
                - { name: never returns, steps: [{ event: cr, with: { cr: 3, old: 1, new: 2 } }] }
                - { name: comes behind it, steps: [{ event: cr, with: { cr: 4, old: 1, new: 2 } }] }
            """);
        WriteLock();
        var result = (await TestAsync("--plugins", Path.Combine(_directory.Path, "plugins"), "--limit", "1s")).Expect(1);
        Assert.Equal("2 passed, 2 failed", result.Output[^1]);
        Assert.Contains(result.Output, line => line.Contains("the test has not ended within 1 s", StringComparison.Ordinal));
        Assert.Contains(result.Output, line => line.Contains("not run: the test 'never returns' of this policy has not ended", StringComparison.Ordinal));
    }

    [Fact]
    public async Task A_script_that_loops_for_ever_is_ended_by_its_budget_and_the_others_go_on()
    {
        WriteLock();
        SamplePolicies.Write(_directory, "x");
        _directory.Write("policies/counter/counter.csx", "Decision OnCr3(CrEvent e) { while (true) { } }");
        await File.AppendAllTextAsync(Path.Combine(_directory.Path, "policies/counter/policy.yaml"),
            "\n  tests: [{ name: loops, steps: [{ event: cr, with: { cr: 3, old: 1, new: 2 } }] }]\n", TestContext.Current.CancellationToken);
        var result = (await TestAsync()).Expect(1);
        Assert.Equal("2 passed, 1 failed", result.Output[^1]);
        Assert.Contains(result.Output, line => line.Contains("budget", StringComparison.Ordinal));
    }

    [Fact]
    public async Task Coverage_counts_handlers_lines_and_branches()
    {
        WriteLock();
        var result = (await TestAsync("--coverage", "--json")).Expect(0);
        var line = Assert.Single(result.Json, line => RunCommandTests.Type(line) == "coverage");
        Assert.Equal("test.lock", line.GetProperty("policy").GetString());

        // Lines 3, 4, 6, 7 of OnLstar ran, 14 of OnCr4 did not; of four ways out of two branches one was not taken.
        Assert.Equal(
            (1, 2, 4, 5, 3, 4),
            (Number(line, "hitHandlers"), Number(line, "handlers"), Number(line, "hitLines"), Number(line, "lines"), Number(line, "hitBranches"), Number(line, "branches")));
        Assert.Equal([8, 7, 14], line.GetProperty("notRun").EnumerateArray().Select(place => place.GetProperty("line").GetInt32()));
        var totals = Assert.Single(result.Json, line => RunCommandTests.Summary(line) == "coverage");
        Assert.Equal((3, 4), (Number(totals, "hitBranches"), Number(totals, "branches")));
        Assert.Contains((await TestAsync("--coverage")).Expect(0).Output, text => text.Contains("3/4 75%", StringComparison.Ordinal)
            && text.Contains("policy.yaml:8 OnCr4; lock.csx:7 (1 of 2 branches); lock.csx:14", StringComparison.Ordinal));
    }

    [Theory]
    [InlineData("50", 0)]
    [InlineData("51", 1)]
    public async Task A_minimum_of_coverage_is_held_to(string minimum, int exitCode)
    {
        WriteLock();
        var result = (await TestAsync("--coverage-min", minimum)).Expect(exitCode);
        Assert.Equal(exitCode == 1, result.Output.Any(line => line.Contains("error KP0710: the tests of policy 'test.lock' run 1/2 50% of the handlers; --coverage-min wants 51 %", StringComparison.Ordinal)));
        Assert.Equal("2 passed, 0 failed", result.Output[^1]);
    }

    [Fact]
    public async Task Coverage_reports_hold_the_same_numbers()
    {
        WriteLock();
        var (cobertura, lcov) = (Path.Combine(_directory.Path, "coverage.xml"), Path.Combine(_directory.Path, "lcov.info"));
        (await TestAsync("--coverage-report", $"cobertura:{cobertura}", "--coverage-report", $"lcov:{lcov}")).Expect(0);
        var root = XDocument.Load(cobertura).Root!;
        Assert.Equal(["4", "5", "3", "4"], new[] { "lines-covered", "lines-valid", "branches-covered", "branches-valid" }.Select(name => root.Attribute(name)!.Value));
        Assert.Equal("0.75", root.Attribute("branch-rate")!.Value);
        var file = Assert.Single(root.Descendants("class"));
        Assert.Equal("lock.csx", Path.GetFileName(file.Attribute("filename")!.Value));
        Assert.Equal(["3:2", "4:1", "6:1", "7:1", "14:0"], file.Descendants("line").Select(line => $"{line.Attribute("number")!.Value}:{line.Attribute("hits")!.Value}"));
        Assert.Equal("50% (1/2)", file.Descendants("line").Single(line => line.Attribute("number")!.Value == "7").Attribute("condition-coverage")!.Value);

        var lines = await File.ReadAllLinesAsync(lcov, TestContext.Current.CancellationToken);
        Assert.Equal($"SF:{Path.Combine(_directory.Path, "policies", "lock", "lock.csx")}", lines[1]);
        Assert.Equal(["DA:3,2", "DA:4,1", "DA:6,1", "DA:7,1", "DA:14,0"], lines.Where(line => line.StartsWith("DA:", StringComparison.Ordinal)));
        Assert.Equal(["BRF:4", "BRH:3", "LF:5", "LH:4"], lines.Where(line => line[..2] is "BR" or "LF" or "LH" && !line.StartsWith("BRDA", StringComparison.Ordinal)));
        Assert.Equal("end_of_record", lines[^1]);
    }

    [Fact]
    public async Task Options_that_make_no_sense_are_refused_before_any_test()
    {
        WriteLock();
        (await TestAsync("--coverage", "--untrusted")).Expect(2);
        (await TestAsync("--list", "--junit", Path.Combine(_directory.Path, "x.xml"))).Expect(2);
        (await TestAsync("--coverage-report", "html:x")).Expect(2);
        (await TestAsync("--coverage-min", "101")).Expect(2);
        (await TestAsync("--jobs", "0")).Expect(2);
        Assert.Contains("cannot be written", (await TestAsync("--junit", Path.Combine(_directory.Path, "no", "x.xml"))).Expect(3).Errors, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Many_policies_at_a_time_report_in_their_order()
    {
        for (var i = 0; i < 12; i++)
        {
            var id = string.Create(CultureInfo.InvariantCulture, $"test.lock{i:00}");
            _directory.Write($"policies/{id}/policy.yaml", Lock.Replace("test.lock", id, StringComparison.Ordinal));
            _directory.Write($"policies/{id}/lock.csx", LockScript);
        }

        var output = (await TestAsync("--jobs", "4")).Expect(0).Output;
        Assert.Equal("24 passed, 0 failed", output[^1]);
        Assert.Equal(output[..^1].Order(StringComparer.Ordinal), output[..^1]);
    }

    private static int Number(JsonElement line, string name) => line.GetProperty(name).GetInt32();

    private static XDocument Validated(string file)
    {
        var schemas = new XmlSchemaSet();
        using (var reader = XmlReader.Create(Path.Combine(AppContext.BaseDirectory, "junit.xsd")))
        {
            schemas.Add(null, reader);
        }

        var document = XDocument.Load(file);
        document.Validate(schemas, (_, problem) => Assert.Fail(problem.Message));
        return document;
    }

    private Task<CommandResult> TestAsync(params string[] options) =>
        CommandProcess.RunAsync(["test", Path.Combine(_directory.Path, "policies"), .. options]);

    private void WriteLock(string yaml = Lock, string script = LockScript)
    {
        _directory.Write("policies/lock/policy.yaml", yaml);
        _directory.Write("policies/lock/lock.csx", script);
    }
}
