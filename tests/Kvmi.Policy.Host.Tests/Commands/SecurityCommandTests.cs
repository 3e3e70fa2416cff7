using System.Runtime.Versioning;
using System.Security.Cryptography;

namespace Kvmi.Policy.Host.Tests.Commands;

/// <summary>The command against users and files that are not to be trusted.</summary>
[SupportedOSPlatform("linux")]
public sealed class SecurityCommandTests
{
    private const uint Nobody = 65534;
    private const UnixFileMode Everybody = (UnixFileMode)0x1FF;

    [Fact]
    public async Task A_device_manager_of_another_user_is_refused_with_the_option_that_lets_it_in_and_counted()
    {
        RequireRoot();
        using var directory = new TestDirectory();
        File.SetUnixFileMode(directory.Path, (UnixFileMode)0x1ED);
        await using var host = CommandProcess.Start(
            directory.Path, "run", "--listen", directory.Socket(), "--socket-group", "65534", "--state", Path.Combine(directory.Path, "state"), "--json");
        await host.WaitForLineAsync("\"listening\"");
        var guest = await RunAsNobodyAsync("doctor", "--connect", directory.Socket(), "--json");
        Assert.Contains(guest.Json, line => line.ToString().Contains("kvmi.sock", StringComparison.Ordinal));

        // Our own user still gets in, and is served after the refusal.
        (await CommandProcess.RunAsync("simulate", "--connect", directory.Socket(), "--json")).Expect(0);
        host.Terminate();
        var result = (await host.WaitForExitAsync()).Expect(0);
        Assert.Contains("of user 65534 (group 65534) is neither root's nor this tool's. --allow-uid 65534", result.Errors, StringComparison.Ordinal);
        var summary = Assert.Single(result.Json, line => RunCommandTests.Summary(line) == "run");
        Assert.Equal(1, summary.GetProperty("refusedPeers").GetInt64());
    }

    [Fact]
    public async Task A_device_manager_of_a_user_who_was_named_is_served()
    {
        RequireRoot();
        using var directory = new TestDirectory();
        File.SetUnixFileMode(directory.Path, (UnixFileMode)0x1ED);
        await using var host = CommandProcess.Start(
            directory.Path, "run", "--listen", directory.Socket(), "--socket-group", "65534", "--allow-uid", "nobody", "--state", Path.Combine(directory.Path, "state"), "--json");
        await host.WaitForLineAsync("\"listening\"");
        (await RunAsNobodyAsync("simulate", "--connect", directory.Socket(), "--json")).Expect(0);
        host.Terminate();
        var summary = Assert.Single((await host.WaitForExitAsync()).Expect(0).Json, line => RunCommandTests.Summary(line) == "run");
        Assert.Equal((0, 1), (summary.GetProperty("refusedPeers").GetInt64(), summary.GetProperty("vms").GetInt64()));
    }

    [Fact]
    public async Task A_socket_where_others_write_is_refused()
    {
        using var directory = new TestDirectory();
        File.SetUnixFileMode(directory.Path, Everybody);
        var result = (await CommandProcess.RunAsync("run", "--listen", directory.Socket(), "--for", "1s")).Expect(3);
        Assert.Contains("others can replace the socket", result.Errors, StringComparison.Ordinal);
    }

    [Fact]
    public async Task An_unknown_user_or_group_is_wrong_usage()
    {
        using var directory = new TestDirectory();
        Assert.Contains("--allow-uid no-such-user", (await CommandProcess.RunAsync("run", "--listen", directory.Socket(), "--allow-uid", "no-such-user")).Expect(2).Errors, StringComparison.Ordinal);
        Assert.Contains("--socket-group no-such-group", (await CommandProcess.RunAsync("run", "--listen", directory.Socket(), "--socket-group", "no-such-group")).Expect(2).Errors, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_cookie_that_others_can_read_is_refused()
    {
        using var directory = new TestDirectory();
        var cookie = directory.Write("cookie", "secret");
        File.SetUnixFileMode(cookie, (UnixFileMode)0x1A4);
        var result = (await CommandProcess.RunAsync("run", "--listen", directory.Socket(), "--cookie-file", cookie)).Expect(3);
        Assert.Contains("chmod 0400", result.Errors, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("requires", "plugins: [ { id: process-census, sha256: DIGEST } ]")]
    [InlineData("script", "sha256: DIGEST")]
    public async Task A_pinned_plugin_is_loaded_and_another_build_is_refused_with_both_digests(string section, string pin)
    {
        using var directory = new TestDirectory();
        var plugins = directory.Copy(Path.Combine(CommandProcess.Directory, "plugins"), "plugins");
        var found = Digest(Path.Combine(plugins, "process-census", "ProcessCensus.dll"));
        var wrong = new string('a', 64);
        (await ValidateAsync(found)).Expect(0);
        var result = (await ValidateAsync(wrong)).Expect(1);
        var line = Assert.Single(result.Output, text => text.Contains("KP0507", StringComparison.Ordinal));
        Assert.Contains(wrong, line, StringComparison.Ordinal);
        Assert.Contains(found, line, StringComparison.Ordinal);

        Task<CommandResult> ValidateAsync(string digest)
        {
            var text = File.ReadAllText(Path.Combine(CommandProcess.Directory, "policies", "process-census", "policy.yaml"));
            var value = pin.Replace("DIGEST", digest, StringComparison.Ordinal);
            text = section == "script"
                ? text.Replace("type: ProcessCensusPolicy", $"type: ProcessCensusPolicy, {value}", StringComparison.Ordinal)
                : text.Replace("    events: [cr]\n", $"    events: [cr]\n    {value}\n", StringComparison.Ordinal);
            Assert.Contains(digest, text, StringComparison.Ordinal);
            directory.Write("p/policy.yaml", text);
            return CommandProcess.RunAsync("validate", Path.Combine(directory.Path, "p"), "--plugins", plugins);
        }
    }

    [Fact]
    public async Task A_plugin_that_the_list_does_not_name_is_refused()
    {
        using var directory = new TestDirectory();
        var dll = Path.Combine(CommandProcess.Directory, "plugins", "process-census", "ProcessCensus.dll");
        var policy = Path.Combine(CommandProcess.Directory, "policies", "process-census");
        var list = directory.Write("list", $"{Digest(dll)}  ProcessCensus.dll\n");
        (await CommandProcess.RunAsync("validate", policy, "--plugin-allow", list)).Expect(0);
        directory.Write("list", $"{new string('b', 64)}  ProcessCensus.dll\n");
        Assert.Contains((await CommandProcess.RunAsync("validate", policy, "--plugin-allow", list)).Expect(1).Output, line => line.Contains("KP0508", StringComparison.Ordinal));
        directory.Write("list", "nonsense\n");
        Assert.Contains($"{list}:1: this is no line of sha256sum", (await CommandProcess.RunAsync("validate", policy, "--plugin-allow", list)).Expect(3).Errors, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_restricted_plugin_that_reaches_out_is_refused_and_the_shipped_one_runs()
    {
        var policy = Path.Combine(CommandProcess.Directory, "policies", "process-census");
        (await CommandProcess.RunAsync("test", policy, "--restrict-plugins")).Expect(0);

        using var directory = new TestDirectory();
        var plugin = PluginAssembly.Build("reaching", "public string Read() => System.IO.File.ReadAllText(\"/etc/passwd\");");
        Directory.CreateDirectory(Path.Combine(directory.Path, "plugins", "reaching"));
        File.WriteAllBytes(Path.Combine(directory.Path, "plugins", "reaching", "Reaching.dll"), plugin);
        directory.Write("p/policy.yaml", File.ReadAllText(Path.Combine(policy, "policy.yaml"))
            .Replace("plugin: process-census, type: ProcessCensusPolicy", "plugin: reaching, type: Census", StringComparison.Ordinal));
        var result = (await CommandProcess.RunAsync(
            "validate", Path.Combine(directory.Path, "p"), "--plugins", Path.Combine(directory.Path, "plugins"), "--restrict-plugins")).Expect(1);
        var line = Assert.Single(result.Output, text => text.Contains("KP0510", StringComparison.Ordinal));
        Assert.Contains("Reaching.dll uses System.IO.File.ReadAllText", line, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Policies_and_plugins_that_others_can_change_are_refused_for_root_unless_that_is_trusted()
    {
        using var directory = new TestDirectory();
        var policies = directory.Copy(Path.Combine(CommandProcess.Directory, "policies", "cr4-pin"), "policies/cr4-pin");
        (await CommandProcess.RunAsync("validate", policies)).Expect(0);
        File.SetUnixFileMode(policies, Everybody);
        var result = (await CommandProcess.RunAsync("validate", policies)).Expect(Environment.UserName == "root" ? 1 : 0);
        Assert.Contains(result.Output, line => line.Contains("KP0605", StringComparison.Ordinal) && line.Contains("mode 0777", StringComparison.Ordinal));
        Assert.DoesNotContain((await CommandProcess.RunAsync("validate", policies, "--trust-file-permissions")).Expect(0).Output,
            line => line.Contains("KP0605", StringComparison.Ordinal));

        var doctor = (await CommandProcess.RunAsync("doctor", "--policies", policies, "--json")).Expect(1);
        Assert.Contains(doctor.Output, line => line.Contains("file-owners", StringComparison.Ordinal) && line.Contains("mode 0777", StringComparison.Ordinal));
    }

    private static void RequireRoot() =>
        Assert.SkipUnless(Environment.UserName == "root" && File.Exists("/usr/bin/setpriv"), "Only root can act as another user (with setpriv).");

    private static async Task<CommandResult> RunAsNobodyAsync(params string[] arguments)
    {
        await using var process = CommandProcess.StartAs(Nobody, "/", arguments);
        return await process.WaitForExitAsync();
    }

    private static string Digest(string file) => Convert.ToHexStringLower(SHA256.HashData(File.ReadAllBytes(file)));
}
