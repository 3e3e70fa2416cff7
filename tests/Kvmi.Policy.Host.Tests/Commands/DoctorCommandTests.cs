using System.Text.Json;

namespace Kvmi.Policy.Host.Tests.Commands;

public sealed class DoctorCommandTests
{
    [Fact]
    public async Task This_machine_is_checked_and_every_finding_is_one_json_line()
    {
        var result = await CommandProcess.RunAsync("doctor", "--json");
        var checks = result.Json.Where(line => Text(line, "type") == "check").ToList();
        Assert.All(checks, check => Assert.NotEmpty(Text(check, "reason")!));
        string[] always = ["platform", "user", "kvm", "vsock", "clock", "realtime", "memlock", "open-files", "runtime"];
        Assert.Equal(always, always.Where(name => checks.Count(check => Text(check, "check") == name) == 1));

        var summary = Assert.Single(result.Json, line => Text(line, "summary") == "doctor");
        var counted = new[] { "ok", "notes", "warnings", "failures" }.Sum(name => summary.GetProperty(name).GetInt32());
        Assert.Equal(checks.Count, counted);
        Assert.Equal(summary.GetProperty("failures").GetInt32() > 0 ? 1 : 0, result.ExitCode);

        // Either the kernel has it and says which series, or it has not and says what to do; a KVM that makes no VM says neither.
        foreach (var check in checks.Where(check => Text(check, "check") == "introspection"))
        {
            var present = check.GetProperty("fields").GetProperty("present").GetBoolean();
            Assert.Equal(present, Text(check.GetProperty("fields"), "series")!.Length > 0);
            Assert.True(present || Text(check, "hint")!.Contains("--simulate", StringComparison.Ordinal));
        }
    }

    [Fact]
    public async Task A_waiting_doctor_says_which_vm_came_and_what_it_allows()
    {
        using var directory = new TestDirectory();
        var cookie = directory.Write("cookie", "some");
        File.SetUnixFileMode(cookie, UnixFileMode.UserRead);
        await using var doctor = CommandProcess.Start(directory.Path, "doctor", "--listen", directory.Socket(), "--cookie-file", cookie, "--wait", "60s", "--json");
        await doctor.WaitForLineAsync("\"listening\"");
        await using var guest = CommandProcess.Start(directory.Path, "simulate", "--connect", directory.Socket(), "--cookie-file", cookie, "--vcpus", "2", "--json");
        var result = await doctor.WaitForExitAsync();
        var peer = Assert.Single(result.Json, line => Text(line, "check") == "peer");
        Assert.Equal("ok", Text(peer, "status"));
        var fields = peer.GetProperty("fields");
        Assert.Equal(("v7", 2), (Text(fields, "dialect"), fields.GetProperty("vcpus").GetInt32()));
        Assert.Contains("readPhysical", Text(fields, "commands"), StringComparison.Ordinal);
        Assert.Contains("msr", Text(fields, "events"), StringComparison.Ordinal);
        Assert.False(File.Exists(Path.Combine(directory.Path, "kvmi.sock")));
    }

    [Fact]
    public async Task A_vm_that_is_there_before_the_doctor_is_not_sent_away_first()
    {
        using var directory = new TestDirectory();
        await using var guest = CommandProcess.Start(directory.Path, "simulate", "--connect", directory.Socket(), "--json");
        var result = await CommandProcess.RunAsync("doctor", "--listen", directory.Socket(), "--wait", "60s", "--json");
        Assert.Equal("ok", Text(Assert.Single(result.Json, line => Text(line, "check") == "peer"), "status"));
        Assert.Equal(["ok"], result.Json.Where(line => Text(line, "check") == "listen" && Text(line, "status") != "warning").Select(line => Text(line, "status")));
        Assert.Equal(1, Assert.Single((await guest.WaitForExitAsync()).Json, line => Text(line, "summary") == "simulation").GetProperty("connections").GetInt32());
    }

    [Fact]
    public async Task A_waiting_doctor_to_whom_nobody_comes_fails_and_says_how_to_start_qemu()
    {
        using var directory = new TestDirectory();
        var result = (await CommandProcess.RunAsync("doctor", "--listen", directory.Socket(), "--wait", "200ms", "--json")).Expect(1);
        var peer = Assert.Single(result.Json, line => Text(line, "check") == "peer");
        Assert.Equal("failure", Text(peer, "status"));
        Assert.Contains("-object introspection", Text(peer, "hint"), StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_listening_tool_is_found_and_a_taken_path_and_a_missing_one_are_failures()
    {
        using var directory = new TestDirectory();
        await using var tool = CommandProcess.Start(directory.Path, "run", "--listen", directory.Socket(), "--json", "--log-level", "off");
        await tool.WaitForLineAsync("\"listening\"");
        var result = (await CommandProcess.RunAsync(
            "doctor", "--connect", directory.Socket(), "--connect", directory.Socket("nothing.sock"), "--listen", directory.Socket(), "--wait", "1s", "--json")).Expect(1);
        Assert.Equal(["ok", "failure"], result.Json.Where(line => Text(line, "check") == "connect").Select(line => Text(line, "status")));
        var listen = Assert.Single(result.Json, line => Text(line, "check") == "listen");
        Assert.Equal("failure", Text(listen, "status"));
        Assert.Contains("another program listens there", Text(listen, "reason"), StringComparison.Ordinal);
        Assert.Equal("note", Text(Assert.Single(result.Json, line => Text(line, "check") == "peer"), "status"));
        tool.Terminate();
        (await tool.WaitForExitAsync()).Expect(0);
    }

    [Fact]
    public async Task Text_has_a_line_for_each_finding_and_the_totals_at_the_end()
    {
        using var directory = new TestDirectory();
        var result = (await CommandProcess.RunAsync("doctor", "--listen", directory.Socket("no/such/folder/s"))).Expect(1);
        Assert.Contains(result.Output, line => line.StartsWith("FAILURE  listen: The directory ", StringComparison.Ordinal));
        Assert.Contains(result.Output, line => line.StartsWith("         -> Create it: ", StringComparison.Ordinal));
        Assert.Matches("^[0-9]+ ok, [0-9]+ notes?, [0-9]+ warnings?, 1 failure$", result.Output[^1]);
    }

    [Theory]
    [InlineData("--wait 1s", "There is nothing to wait on")]
    [InlineData("--listen tcp:0.0.0.0:1", "can be reached from other machines")]
    [InlineData("--connect vsock:1", "cannot connect to vsock")]
    public async Task Wrong_usage_says_what_to_give(string arguments, string part)
    {
        var result = (await CommandProcess.RunAsync(["doctor", .. arguments.Split(' ')])).Expect(2);
        Assert.Contains(part, result.Errors, StringComparison.Ordinal);
    }

    private static string? Text(JsonElement line, string name) => line.TryGetProperty(name, out var value) ? value.GetString() : null;
}
