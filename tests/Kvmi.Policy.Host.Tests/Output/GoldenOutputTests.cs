using System.Text;
using System.Text.Json;
using System.Text.RegularExpressions;
using Kvmi.Policy.Host.Output;

namespace Kvmi.Policy.Host.Tests.Output;

public sealed class GoldenOutputTests
{
    [Fact]
    public void Json_lines_are_the_golden_ones() => Compare(new JsonLineRenderer(), "output.jsonl");

    [Fact]
    public void Text_is_the_golden_one() => Compare(new TextLineRenderer(), "output.txt");

    [Fact]
    public void Every_json_line_is_one_object_with_type_and_time()
    {
        var lines = Render(new JsonLineRenderer()).Split('\n', StringSplitOptions.RemoveEmptyEntries);
        Assert.Equal(SampleRecords.All.Count, lines.Length);
        foreach (var line in lines)
        {
            using var document = JsonDocument.Parse(line);
            Assert.Contains(
                document.RootElement.GetProperty("type").GetString(),
                new[] { "decision", "alert", "suppressed", "record", "status", "summary", "message", "entry", "finding", "check", "dialect", "command", "event", "difference", "test", "coverage", "counts", "plugin", "probe" });
            Assert.Equal(1, document.RootElement.GetProperty("schemaVersion").GetInt32());
            Assert.Equal("2026-03-01T12:30:45.123000Z", document.RootElement.GetProperty("time").GetString());
        }
    }

    [Fact]
    public void The_page_documents_every_field()
    {
        var page = File.ReadAllText(Path.Combine(AppContext.BaseDirectory, "json-lines.md"));
        var documented = Regex.Matches(page, "`([A-Za-z0-9-]+)`").Select(match => match.Groups[1].Value).ToHashSet();
        foreach (var line in Render(new JsonLineRenderer()).Split('\n', StringSplitOptions.RemoveEmptyEntries))
        {
            using var document = JsonDocument.Parse(line);
            foreach (var property in document.RootElement.EnumerateObject())
            {
                Assert.True(documented.Contains(property.Name), $"json-lines.md does not mention the field {property.Name} of: {line}");
            }
        }
    }

    [Fact]
    public void Text_holds_no_character_that_moves_the_cursor() =>
        Assert.DoesNotContain(Render(new TextLineRenderer()), character => char.IsControl(character) && character != '\n' || character == '\u202e');

    private static string Render(ILineRenderer renderer)
    {
        var stream = new MemoryStream();
        var writer = new ResultWriter(stream, renderer, TimeProvider.System, _ => Assert.Fail("closed"));
        foreach (var record in SampleRecords.All)
        {
            writer.Write(record);
        }

        return Encoding.UTF8.GetString(stream.ToArray());
    }

    private static void Compare(ILineRenderer renderer, string file)
    {
        var actual = Render(renderer);
        var golden = Path.Combine(AppContext.BaseDirectory, "Golden", file);
        var expected = File.Exists(golden) ? File.ReadAllText(golden) : "";
        if (expected != actual)
        {
            var received = golden + ".received";
            File.WriteAllText(received, actual);
            Assert.Fail($"{file} differs from the golden file. If the change is meant, copy {received} over it and update json-lines.md.\n{FirstDifference(expected, actual)}");
        }
    }

    private static string FirstDifference(string expected, string actual)
    {
        var (old, now) = (expected.Split('\n'), actual.Split('\n'));
        var line = 0;
        while (line < Math.Min(old.Length, now.Length) && old[line] == now[line])
        {
            line++;
        }

        return $"line {line + 1}\nexpected: {old.ElementAtOrDefault(line)}\nactual:   {now.ElementAtOrDefault(line)}";
    }
}
