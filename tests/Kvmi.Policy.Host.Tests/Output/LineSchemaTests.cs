using System.Text;
using System.Text.Json;
using Kvmi.Policy.Host.Output;
using Kvmi.Policy.Host.Tests.Commands;

namespace Kvmi.Policy.Host.Tests.Output;

/// <summary>What is written is what json-lines.schema.json says.</summary>
public sealed class LineSchemaTests
{
    private static readonly LineSchemaReader Schema =
        new(File.ReadAllText(Path.Combine(AppContext.BaseDirectory, "json-lines.schema.json")));

    [Fact]
    public void One_record_of_every_kind_is_as_the_schema_says()
    {
        var bytes = new System.Buffers.ArrayBufferWriter<byte>();
        var renderer = new JsonLineRenderer();
        foreach (var record in SampleRecords.All)
        {
            renderer.Render(record, bytes);
        }

        AssertHolds(Encoding.UTF8.GetString(bytes.WrittenSpan).Split('\n', StringSplitOptions.RemoveEmptyEntries));
    }

    [Fact]
    public async Task The_lines_of_a_run_with_everything_that_it_has_are_as_the_schema_says()
    {
        using var directory = new TestDirectory();
        directory.Write("policies/counter/policy.yaml", SamplePolicies.Yaml + "\n  alerts: { dedupe: { window: 1h }, throttle: 5/h, fields: [rip, old] }\n");
        directory.Write("policies/counter/counter.csx", "Decision OnCr3(CrEvent e) { Alert(\"seen\", new { e.New, Code = Memory.TryReadVirtual(e, e.Rip, 8) }); return Allow; }");
        directory.Copy(Path.Combine(SamplePolicies.Shipped, "lstar-lock"), "policies/lstar-lock");
        directory.Write("policies/bad/policy.yaml", "apiVersion: kvmi.policy/v1\nkind: Policy\n");
        var refused = await CommandProcess.RunInAsync(directory.Path, "run", "--simulate", "--policies", "policies", "--json", "--no-control");
        refused.Expect(1);
        File.Delete(Path.Combine(directory.Path, "policies/bad/policy.yaml"));
        var run = (await CommandProcess.RunInAsync(
            directory.Path, "run", "--simulate", "--policies", "policies", "--json", "--no-control", "--inject", "gc=1/100", "--sink", "file,kinds=all:lines.jsonl")).Expect(0);
        var types = run.Json.Select(line => line.GetProperty("type").GetString()).ToHashSet();
        Assert.Superset(new HashSet<string?> { "alert", "suppressed", "decision", "status", "summary" }, types);
        AssertHolds(refused.Output);
        AssertHolds(run.Output);
        AssertHolds(await File.ReadAllLinesAsync(Path.Combine(directory.Path, "lines.jsonl")));
    }

    [Theory]
    [InlineData("validate", "policies", "--parameters")]
    [InlineData("test", "policies")]
    [InlineData("dialects")]
    [InlineData("simulate", "--list")]
    [InlineData("doctor")]
    [InlineData("watch", "cr[3]", "--count-by", "new", "--simulate")]
    [InlineData("plugins")]
    public async Task The_lines_of_the_other_verbs_are_as_the_schema_says(params string[] arguments)
    {
        var result = await CommandProcess.RunAsync([.. arguments, "--json"]);
        Assert.NotEmpty(result.Output);
        AssertHolds(result.Output);
    }

    [Fact]
    public async Task The_schema_is_what_the_command_prints() => Assert.Equal(
        await File.ReadAllLinesAsync(Path.Combine(AppContext.BaseDirectory, "json-lines.schema.json")),
        (await CommandProcess.RunAsync("schema", "--lines")).Expect(0).Output);

    [Theory]
    [InlineData("""{"type":"record","time":"2026-03-01T12:30:45.123000Z","schemaVersion":1,"policy":"p","name":"n","severity":"loud","mode":"audit","fields":{}}""")]
    [InlineData("""{"type":"record","time":"2026-03-01T12:30:45.123000Z","schemaVersion":2,"policy":"p","name":"n","severity":"low","mode":"audit","fields":{}}""")]
    [InlineData("""{"type":"record","time":"2026-03-01T12:30:45.123000Z","schemaVersion":1,"policy":"p","name":"n","severity":"low","mode":"audit"}""")]
    [InlineData("""{"type":"record","time":"2026-03-01T12:30:45.123000Z","schemaVersion":1,"policy":"p","name":"n","severity":"low","mode":"audit","fields":{},"surprise":1}""")]
    [InlineData("""{"type":"surprise","time":"2026-03-01T12:30:45.123000Z","schemaVersion":1}""")]
    [InlineData("""{"type":"record","time":"yesterday","schemaVersion":1,"policy":"p","name":"n","severity":"low","mode":"audit","fields":{}}""")]
    public void A_line_that_is_none_is_noticed(string line)
    {
        using var document = JsonDocument.Parse(line);
        Assert.NotNull(Schema.FindFlaw(document.RootElement));
    }

    internal static void AssertHolds(IEnumerable<string> lines)
    {
        foreach (var line in lines)
        {
            using var document = JsonDocument.Parse(line);
            var flaw = Schema.FindFlaw(document.RootElement);
            Assert.True(flaw is null, $"{flaw}\n{line}");
        }
    }
}
