using System.Net;
using System.Net.Sockets;
using System.Text;
using System.Text.Json;
using Kvmi.Policy.Host.Control;
using Kvmi.Policy.Host.Tests.Commands;
using Kvmi.Policy.Host.Tests.Metrics;
using Kvmi.Policy.Host.Tests.Output;

namespace Kvmi.Policy.Host.Tests.Control;

/// <summary>A whole host with a guest that goes on, operated over its real socket by the real verbs.</summary>
public sealed class ControlCommandTests
{
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(120);

    [Fact]
    public async Task Every_verb_works_against_a_host_whose_guest_goes_on()
    {
        using var directory = new TestDirectory();
        var policies = directory.Copy(SamplePolicies.Shipped, "policies");
        await using var host = await StartAsync(directory, "--policies", policies);

        var status = Assert.Single((await RunAsync(directory, "status", "--json")).Expect(0).Json);
        Assert.Equal("host", status.GetProperty("type").GetString());
        Assert.Equal(host.Id, status.GetProperty("pid").GetInt32());
        Assert.Equal("v7", Assert.Single(status.GetProperty("vms").EnumerateArray()).GetProperty("dialect").GetString());

        var list = (await RunAsync(directory, "list", "--json")).Expect(0).Json;
        var lstar = Assert.Single(list, policy => policy.GetProperty("id").GetString() == "lstar-lock");
        Assert.Equal("enforce", lstar.GetProperty("mode").GetProperty("effective").GetString());
        Assert.Equal("inService", Assert.Single(lstar.GetProperty("vms").EnumerateArray()).GetProperty("state").GetString());
        Assert.Equal("file", Assert.Single(lstar.GetProperty("parameters").EnumerateArray()).GetProperty("source").GetString());

        var mode = Assert.Single((await RunAsync(directory, "mode", "lstar-lock", "audit", "--json")).Expect(0).Json);
        Assert.Equal("audit", mode.GetProperty("effective").GetString());
        await host.WaitForLineAsync("\"policy-mode\"");
        lstar = Assert.Single((await RunAsync(directory, "list", "--json")).Expect(0).Json, policy => policy.GetProperty("id").GetString() == "lstar-lock");
        Assert.Equal(("enforce", "audit"), (lstar.GetProperty("mode").GetProperty("file").GetString(), lstar.GetProperty("mode").GetProperty("switch").GetString()));
        (await RunAsync(directory, "mode", "audit", "--json")).Expect(0);
        await host.WaitForLineAsync("\"master-mode\"");
        (await RunAsync(directory, "mode", "as-written")).Expect(0);
        Assert.Contains("no such policy", (await RunAsync(directory, "mode", "no.nobody", "audit")).Expect(1).Errors, StringComparison.Ordinal);
        (await RunAsync(directory, "mode", "enforce")).Expect(2);

        (await RunAsync(directory, "explain", "--all", "on", "--json")).Expect(0);
        await UntilAsync(async () => (await RunAsync(directory, "explain", "cr3-watch", "--last", "1", "--json")).Expect(0).Json is [{ } decision]
            && decision.GetProperty("votes").EnumerateArray().Any(vote => vote.GetProperty("policy").GetString() == "cr3-watch")
            && decision.GetProperty("nanoseconds").GetInt64() > 0);
        var explained = (await RunAsync(directory, "explain", "cr3-watch", "--last", "1")).Expect(0).Output;
        Assert.Contains("    cr3-watch would allow (audit: does not count)", explained);
        Assert.StartsWith("    why: allow is in force: no policy in enforce mode voted", explained[^1], StringComparison.Ordinal);
        Assert.Contains("it has", (await RunAsync(directory, "explain", "cr3-wacth")).Expect(1).Errors, StringComparison.Ordinal);
        (await RunAsync(directory, "explain", "--all", "off")).Expect(0);
        Assert.DoesNotContain(host.Output, line => line.Contains("\"decision\":\"allow\"", StringComparison.Ordinal) && !line.Contains("wouldHave", StringComparison.Ordinal));

        Assert.True(Assert.Single((await RunAsync(directory, "reload", "--json")).Expect(0).Json).GetProperty("success").GetBoolean());
        File.AppendAllText(Directory.GetFiles(Path.Combine(policies, "lstar-lock"), "*.csx")[0], "\nthis is no C#");
        var failed = (await RunAsync(directory, "reload", "--json")).Expect(1).Json;
        Assert.Contains(failed, line => line.GetProperty("type").GetString() == "finding");
        Assert.False(failed[^1].GetProperty("success").GetBoolean());

        var before = host.Output.Count(line => line.Contains("reload-failed", StringComparison.Ordinal));
        host.Signal(1);
        await UntilAsync(() => Task.FromResult(host.Output.Count(line => line.Contains("reload-failed", StringComparison.Ordinal)) > before));
        await EndAsync(host);
    }

    [Fact]
    public async Task SIGTERM_with_a_tail_open_ends_both_in_order()
    {
        using var directory = new TestDirectory();
        await using var host = await StartAsync(directory);
        await using var tail = CommandProcess.Start(directory.Path, "tail", "--filter", "status,record", "--json", "--control", SocketOf(directory));
        await using var text = CommandProcess.Start(directory.Path, "tail", "--control", SocketOf(directory));
        await UntilAsync(async () => Sum(await GetAsync(directory, "metrics"), "kvmi_policy_tail_readers") == 2);
        (await RunAsync(directory, "reload")).Expect(0);
        await tail.WaitForLineAsync("\"reloaded\"");
        await EndAsync(host);
        var seen = (await tail.WaitForExitAsync()).Expect(0);
        LineSchemaTests.AssertHolds(seen.Output);
        Assert.Contains(seen.Json, line => line.GetProperty("type").GetString() == "status");
        Assert.Contains("ended", seen.Errors, StringComparison.Ordinal);
        (await text.WaitForExitAsync()).Expect(0);
        Assert.False(File.Exists(SocketOf(directory)), "the control socket was left behind");
    }

    [Fact]
    public async Task No_host_is_exit_code_3_with_what_to_do()
    {
        using var directory = new TestDirectory();
        foreach (var verb in (string[])["status", "list", "reload", "shadow", "promote", "discard", "explain", "tail"])
        {
            Assert.Contains("kvmi-policy run", (await RunAsync(directory, verb)).Expect(3).Errors, StringComparison.Ordinal);
        }
    }

    [Fact]
    public async Task A_socket_in_use_is_refused_by_name_and_done_without_by_default()
    {
        using var directory = new TestDirectory();
        await using var host = await StartAsync(directory);
        Assert.Contains("c.sock", (await CommandProcess.RunInAsync(directory.Path, "run", "--simulate", "--control", SocketOf(directory))).Expect(3).Errors, StringComparison.Ordinal);
        Assert.Equal(host.Id, JsonDocument.Parse(await GetAsync(directory, "v1/status")).RootElement.GetProperty("pid").GetInt32());
        var settings = new ControlSettings { Path = SocketOf(directory), IsDefault = true };
        await using var without = ControlServer.Open(settings, Microsoft.Extensions.Logging.Abstractions.NullLoggerFactory.Instance);
        Assert.Null(without.Path);
        await EndAsync(host);
    }

    [Fact]
    public async Task Metrics_are_well_formed_and_equal_the_counters_of_the_run()
    {
        using var directory = new TestDirectory();
        await using var host = await StartAsync(directory, "--metrics", "127.0.0.1:0", "--master", "audit");
        var line = await host.WaitForLineAsync("\"metrics\"");
        var url = line[line.IndexOf("http://", StringComparison.Ordinal)..].Split("/metrics")[0];
        using var http = new HttpClient { BaseAddress = new Uri(url) };
        await UntilAsync(async () => Sum(await http.GetStringAsync("/metrics"), "kvmi_policy_events_total") > 100);
        Assert.Equal("ready\n", await http.GetStringAsync("/readyz"));
        Assert.Equal("live\n", await http.GetStringAsync("/healthz"));
        using var hidden = await http.GetAsync("/v1/status");
        Assert.Equal(HttpStatusCode.NotFound, hidden.StatusCode);

        // With all policies off, nothing votes any more and the counters of votes stand still.
        (await RunAsync(directory, "mode", "off")).Expect(0);
        await host.WaitForLineAsync("are off on");
        var page = ExpositionParser.Parse(await http.GetStringAsync("/metrics"));
        Assert.Equal(1, page.Sum("kvmi_policy_master_mode", "\"off\""));
        foreach (var policy in (await RunAsync(directory, "list", "--json")).Expect(0).Json)
        {
            var label = $"policy=\"{policy.GetProperty("id").GetString()}\"";
            Assert.Equal(policy.GetProperty("events").GetInt64(), page.Sum("kvmi_policy_would_have_total", label) + page.Sum("kvmi_policy_decisions_total", label));
            Assert.Equal(policy.GetProperty("alerts").GetInt64(), page.Sum("kvmi_policy_alerts_total", label));
            Assert.Equal(policy.GetProperty("decisionTime").GetProperty("max").GetInt64() / 1e9, page.Sum("kvmi_policy_decision_max_seconds", label), 9);
        }

        Assert.NotEqual(0, page.Sum("kvmi_policy_would_have_total"));
        await EndAsync(host);
    }

    [Fact]
    public async Task A_flood_of_connections_and_big_bodies_is_bounded_and_the_guest_goes_on()
    {
        using var directory = new TestDirectory();
        await using var host = await StartAsync(directory);
        List<Socket> flood = [];
        try
        {
            for (var i = 0; i < 200; i++)
            {
                var socket = new Socket(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified);
                flood.Add(socket);
                await socket.ConnectAsync(new UnixDomainSocketEndPoint(SocketOf(directory)));
            }

            // The guest's events go on meanwhile.
            await host.WaitForLineAsync("\"new-root\"", host.Output.Length);
        }
        finally
        {
            flood.ForEach(socket => socket.Dispose());
        }

        using var http = Client(directory);
        await UntilAsync(async () =>
        {
            try
            {
                using var big = await http.PutAsync("v1/mode", new StringContent(new string('x', 1 << 20)));
                return big.StatusCode is HttpStatusCode.RequestEntityTooLarge or HttpStatusCode.BadRequest;
            }
            catch (HttpRequestException)
            {
                // The host answers and closes before it has read everything.
                return true;
            }
        });
        await UntilAsync(async () => JsonDocument.Parse(await GetAsync(directory, "v1/status")).RootElement.GetProperty("master").GetString() == "as-written");
        foreach (var body in (string[])["", "null", "{", "{\"mode\":3}", "{\"mode\":\"on\"}", "{}"])
        {
            using var reply = await http.PutAsync("v1/mode", new StringContent(body, Encoding.UTF8, "application/json"));
            Assert.Equal(HttpStatusCode.BadRequest, reply.StatusCode);
            Assert.Equal("application/problem+json", reply.Content.Headers.ContentType!.MediaType);
        }

        var result = await EndAsync(host);
        var gone = Assert.Single(result.Json, line => line.TryGetProperty("status", out var status) && status.GetString() == "disconnected").GetProperty("fields");
        Assert.Equal(gone.GetProperty("events").GetInt64(), gone.GetProperty("replies").GetInt64());
    }

    [Fact]
    public async Task Another_user_is_refused()
    {
        Assert.SkipUnless(Environment.IsPrivilegedProcess && File.Exists("/usr/bin/setpriv") && File.Exists("/usr/bin/curl"), "needs root, setpriv and curl");
        using var directory = new TestDirectory();
        await using var host = await StartAsync(directory);
        Assert.NotEqual(0, await CurlAsNobodyAsync(directory));

        // Also where somebody has opened the way to the socket.
        if (!OperatingSystem.IsWindows())
        {
            File.SetUnixFileMode(directory.Path, (UnixFileMode)0b111_101_101);
            File.SetUnixFileMode(SocketOf(directory), (UnixFileMode)0b110_110_110);
        }

        Assert.NotEqual(0, await CurlAsNobodyAsync(directory));
        await UntilAsync(async () => Sum(await GetAsync(directory, "metrics"), "kvmi_policy_control_refused_total") == 1);
        await EndAsync(host);
    }

    [Theory]
    [InlineData(0u, 0u, true)]
    [InlineData(1000u, 1000u, true)]
    [InlineData(0u, 1000u, true)]
    [InlineData(1001u, 1000u, false)]
    [InlineData(1000u, 0u, false)]
    [InlineData(null, 0u, false)]
    public void Only_the_own_user_and_root_may(uint? peer, uint own, bool allowed) => Assert.Equal(allowed, PeerCheck.IsAllowed(peer, own));

    [Fact]
    public void The_default_socket_does_not_depend_on_how_root_logged_in()
    {
        Assert.Equal("/run/kvmi-policy/control.sock", ControlPath.Default(_ => null, 0));
        Assert.Equal("/run/kvmi-policy/control.sock", ControlPath.Default(name => name == "XDG_RUNTIME_DIR" ? "/run/user/0" : null, 0));
        Assert.Equal("/run/user/7/kvmi-policy/control.sock", ControlPath.Default(name => name == "XDG_RUNTIME_DIR" ? "/run/user/7" : null, 7));
        Assert.Null(ControlPath.Default(name => name == "XDG_RUNTIME_DIR" ? "relative" : null, 7));
        Assert.Equal("/x/y", ControlPath.Default(name => name == ControlPath.Variable ? "/x/y" : "/z", 0));
    }

    private static string SocketOf(TestDirectory directory) => Path.Combine(directory.Path, "c.sock");

    // Whatever a verb prints for programs is what json-lines.schema.json says, whether it went well or not.
    private static async Task<CommandResult> RunAsync(TestDirectory directory, params string[] arguments)
    {
        var result = await CommandProcess.RunInAsync(directory.Path, [.. arguments, "--control", SocketOf(directory)]);
        if (arguments.Contains("--json"))
        {
            LineSchemaTests.AssertHolds(result.Output);
        }

        return result;
    }

    private static async Task<CommandProcess> StartAsync(TestDirectory directory, params string[] arguments)
    {
        var host = CommandProcess.Start(
            directory.Path, ["run", "--simulate=load", "--control", SocketOf(directory), "--state", Path.Combine(directory.Path, "state"), "--json", .. arguments]);
        await host.WaitForLineAsync("\"in-service\"");
        return host;
    }

    private static async Task<CommandResult> EndAsync(CommandProcess host)
    {
        host.Terminate();
        return (await host.WaitForExitAsync()).Expect(0);
    }

    private static HttpClient Client(TestDirectory directory) => new(new SocketsHttpHandler
    {
        ConnectCallback = async (_, cancellation) =>
        {
            var socket = new Socket(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified);
            await socket.ConnectAsync(new UnixDomainSocketEndPoint(SocketOf(directory)), cancellation);
            return new NetworkStream(socket, ownsSocket: true);
        },
    })
    {
        BaseAddress = new Uri("http://host/"),
    };

    private static async Task<string> GetAsync(TestDirectory directory, string path)
    {
        using var http = Client(directory);
        return await http.GetStringAsync(path);
    }

    private static double Sum(string page, string name) => ExpositionParser.Parse(page).Sum(name);

    private static async Task UntilAsync(Func<Task<bool>> condition)
    {
        using var limit = new CancellationTokenSource(Patience);
        while (!await condition())
        {
            await Task.Delay(50, limit.Token);
        }
    }

    private static async Task<int> CurlAsNobodyAsync(TestDirectory directory)
    {
        using var curl = System.Diagnostics.Process.Start(
            "/usr/bin/setpriv",
            ["--reuid", "65534", "--regid", "65534", "--clear-groups", "/usr/bin/curl", "-s", "--unix-socket", SocketOf(directory), "http://host/v1/status"])!;
        await curl.WaitForExitAsync();
        return curl.ExitCode;
    }
}
