namespace Kvmi.Policy.Host.Tests.Commands;

/// <summary>watch: counts, decides nothing, ends with a table.</summary>
public class WatchCommandTests
{
    [Fact]
    public async Task Events_are_counted_by_their_key_and_the_guest_goes_on_as_it_would()
    {
        using var state = new TestDirectory();
        var result = (await CommandProcess.RunAsync("watch", "cr[3]", "--count-by", "new", "--simulate", "--top", "3", "--state", state.Path, "--json")).Expect(0);
        var counts = Assert.Single(result.Json, line => line.GetProperty("type").GetString() == "counts");
        var top = counts.GetProperty("top").EnumerateArray().ToArray();
        Assert.Equal(3, top.Length);
        Assert.True(counts.GetProperty("keys").GetInt32() > 3);
        Assert.Equal(0, counts.GetProperty("maxError").GetInt64());
        Assert.InRange(top.Sum(row => row.GetProperty("count").GetInt64()), 3, counts.GetProperty("total").GetInt64());
        var policy = Assert.Single(result.Json, line => line.GetProperty("type").GetString() == "summary" && line.GetProperty("summary").GetString() == "policy");
        Assert.Equal(counts.GetProperty("total").GetInt64(), policy.GetProperty("events").GetInt64());
        Assert.Equal("audit", policy.GetProperty("mode").GetString());
        Assert.DoesNotContain(result.Json, line => line.GetProperty("type").GetString() is "alert" or "decision");
    }

    [Fact]
    public async Task A_condition_and_an_expression_narrow_and_group()
    {
        using var state = new TestDirectory();
        var result = (await CommandProcess.RunAsync(
            "watch", "msr[lstar]", "--count-by", "new & 0xfff", "--when", "old != 0 && (new & 1) == 0", "--simulate", "--state", state.Path, "--json")).Expect(0);
        var row = Assert.Single(Assert.Single(result.Json, line => line.GetProperty("type").GetString() == "counts").GetProperty("top").EnumerateArray());
        Assert.Equal(("0x0", 1), (row.GetProperty("key").GetString(), row.GetProperty("count").GetInt64()));
    }

    [Fact]
    public async Task Ctrl_C_ends_with_the_table()
    {
        using var directory = new TestDirectory();
        await using var watch = CommandProcess.Start(
            null, "watch", "cr[3]", "--count-by", "new", "--simulate=load", "--every", "100ms", "--state", directory.Path);
        await watch.WaitForLineAsync("most often");
        watch.Interrupt();
        var result = (await watch.WaitForExitAsync()).Expect(0);
        var table = Array.FindIndex(result.Output, line => line.StartsWith("counts    watch-1: new on ", StringComparison.Ordinal));
        Assert.Contains("0x", result.Output[table + 2], StringComparison.Ordinal);
        Assert.StartsWith("run      ended by signal", result.Output[^1], StringComparison.Ordinal);
    }

    [Fact]
    public async Task On_a_terminal_a_table_is_drawn_and_the_last_one_stays()
    {
        Assert.SkipUnless(File.Exists("/usr/bin/script"), "script(1) of util-linux is not there; it makes the terminal");
        using var directory = new TestDirectory();
        await using var watch = CommandProcess.StartOnTerminal(
            null, "watch", "cr[3]", "--count-by", "new", "--simulate=load", "--state", directory.Path, "--for", "3s");
        var result = (await watch.WaitForExitAsync()).Expect(0);
        var text = string.Join('\n', result.Output);
        Assert.Contains("\u001b[", text, StringComparison.Ordinal);
        Assert.Contains("last (UTC)", text, StringComparison.Ordinal);
        Assert.Contains("counts    watch-1: new on ", text, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("--count-by", "nwe", "did you mean 'new'?")]
    [InlineData("--top", "0", "from 1 to 4096")]
    [InlineData("--when", "old", "Expected a condition")]
    public async Task What_makes_no_sense_is_refused(string option, string value, string words)
    {
        string[] rest = option == "--count-by" ? [] : ["--count-by", "new"];
        var result = (await CommandProcess.RunAsync(["watch", "cr[3]", "--simulate", option, value, .. rest])).Expect(2);
        Assert.Contains(words, result.Errors, StringComparison.Ordinal);
    }
}
