namespace Kvmi.Policy.Host.Tests.Commands;

public sealed class DecodeCommandTests
{
    private static readonly string Captures = Path.Combine(AppContext.BaseDirectory, "Fixtures", "captures");

    [Fact]
    public async Task Every_v7_capture_is_decoded_and_encodes_to_the_same_bytes()
    {
        var files = Directory.GetFiles(Captures, "kvmi-v7-*.hex").Where(file => !file.EndsWith("errors.hex", StringComparison.Ordinal)).ToArray();
        Assert.Equal(13, files.Length);
        var result = (await CommandProcess.RunAsync(["decode", "--verify", "--json", .. files])).Expect(0);
        var summaries = result.Json.Where(line => line.GetProperty("type").GetString() == "summary").ToList();
        Assert.Equal(files.Length, summaries.Count);
        Assert.All(summaries, summary =>
        {
            Assert.Equal(0, summary.GetProperty("unknown").GetInt64());
            Assert.Equal(0, summary.GetProperty("mismatched").GetInt64());
            Assert.Equal(summary.GetProperty("messages").GetInt64(), summary.GetProperty("matched").GetInt64());
        });
        Assert.Equal(265, summaries.Sum(summary => summary.GetProperty("messages").GetInt64()));
        Assert.DoesNotContain(result.Json, line => line.GetProperty("type").GetString() == "message" && line.GetProperty("name").GetString() == "unknown");
    }

    [Fact]
    public async Task The_errors_capture_has_no_unknown_but_the_ids_sent_on_purpose()
    {
        var result = (await CommandProcess.RunAsync("decode", "--verify", "--json", Path.Combine(Captures, "kvmi-v7-errors.hex"))).Expect(1);
        var unknown = result.Json.Where(line => line.GetProperty("type").GetString() == "message" && line.GetProperty("name").GetString() == "unknown").ToList();
        Assert.Equal([77, 77, 62, 62], unknown.Select(line => line.GetProperty("id").GetInt32()));
        Assert.All(unknown, line => Assert.True(line.TryGetProperty("offset", out _) && line.TryGetProperty("reason", out _)));
        Assert.Equal(46, result.Json[^1].GetProperty("matched").GetInt64());
    }

    [Fact]
    public async Task A_line_that_is_no_hex_is_one_unknown_and_the_rest_is_still_printed()
    {
        using var directory = new TestDirectory();
        var file = directory.Write("kvmi-v7-broken.hex", "# tool->kernel t=1.00ms\n02zz\n# tool->kernel t=2.00ms\n0200000001000000\n");
        var result = (await CommandProcess.RunAsync("decode", "--json", file)).Expect(1);
        Assert.Equal(["unknown", "GET_VERSION"], result.Json.Take(2).Select(line => line.GetProperty("name").GetString()));
    }

    [Fact]
    public async Task A_capture_that_does_not_tell_its_dialect_asks_for_it()
    {
        using var directory = new TestDirectory();
        var file = directory.Write("some.hex", "# tool->kernel t=1.00ms\n0200000001000000\n");
        var result = (await CommandProcess.RunAsync("decode", file)).Expect(2);
        Assert.Contains("--dialect", result.Errors, StringComparison.Ordinal);
        (await CommandProcess.RunAsync("decode", "--dialect", "v7", file)).Expect(0);
    }

    [Fact]
    public async Task A_missing_capture_is_the_environments_fault()
    {
        var result = (await CommandProcess.RunAsync("decode", "nowhere.hex")).Expect(3);
        Assert.Contains("nowhere.hex", result.Errors, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_dialect_that_does_not_exist_is_answered_with_those_that_do()
    {
        var result = (await CommandProcess.RunAsync("decode", Path.Combine(Captures, "kvmi-v7-cr.hex"), "--dialect", "v9")).Expect(2);
        Assert.All(["v7", "v11", "v12", "rfc-v5"], name => Assert.Contains(name, result.Errors, StringComparison.Ordinal));
    }
}
