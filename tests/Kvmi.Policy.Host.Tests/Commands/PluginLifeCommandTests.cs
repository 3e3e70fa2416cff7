using Kvmi.Policy.Host.Tests.Metrics;

namespace Kvmi.Policy.Host.Tests.Commands;

/// <summary>A plugin in a host whose guest goes on: its numbers, and what it leaves behind.</summary>
public sealed class PluginLifeCommandTests : IDisposable
{
    private const int MaxReloads = 60;
    private readonly TestDirectory _directory = new();

    public void Dispose() => _directory.Dispose();

    [Fact]
    public async Task Its_numbers_are_listed_and_a_generation_that_it_holds_in_memory_is_named()
    {
        var folder = Directory.CreateDirectory(Path.Combine(_directory.Path, "plugins", "leaking")).FullName;
        File.WriteAllBytes(Path.Combine(folder, "Leaking.dll"), PluginAssembly.Build("leaking", """
            static System.Threading.Timer Timer;
            Kvmi.Policy.IPolicyFact _seen;
            protected override void OnAttach()
            {
                Timer = new System.Threading.Timer(_ => { }, null, System.TimeSpan.FromDays(1), System.TimeSpan.FromDays(1));
                _seen = Facts.Get("seen");
            }
            public Kvmi.Policy.Decision OnCr3(Kvmi.Policy.CrEvent e) { _seen.Value++; return Kvmi.Policy.Decision.Allow; }
            """));
        _directory.Write("policies/leaking/policy.yaml", SamplePolicies.Yaml
            .Replace("test.counter", "test.leaking", StringComparison.Ordinal)
            .Replace("  mode: audit", "  mode: audit\n  script: { plugin: leaking, type: Census }", StringComparison.Ordinal));
        var socket = Path.Combine(_directory.Path, "c.sock");

        // The injected faults are full collections: without them a quiet host has none for hours.
        await using var host = CommandProcess.Start(
            _directory.Path, "run", "--simulate=load", "--plugins", "plugins", "--control", socket, "--inject", "gc=1/2000", "--json");
        await host.WaitForLineAsync("\"in-service\"");
        for (var i = 0; i < MaxReloads && !host.Output.Any(line => line.Contains("KP0521", StringComparison.Ordinal)); i++)
        {
            (await CommandProcess.RunInAsync(_directory.Path, "reload", "--control", socket)).Expect(0);
        }

        Assert.Contains("leaking\\u0027 of generation 1 is still in memory after ", await host.WaitForLineAsync("KP0521"), StringComparison.Ordinal);
        var status = Assert.Single((await CommandProcess.RunInAsync(_directory.Path, "status", "--json", "--control", socket)).Expect(0).Json);
        var pinned = status.GetProperty("pinnedCode").EnumerateArray().First();
        Assert.Equal((1, "leaking"), (pinned.GetProperty("generation").GetInt32(), pinned.GetProperty("plugin").GetString()));

        var fact = Assert.Single(Assert.Single((await CommandProcess.RunInAsync(_directory.Path, "list", "--json", "--control", socket)).Expect(0).Json).GetProperty("facts").EnumerateArray());
        Assert.Equal("seen", fact.GetProperty("name").GetString());
        Assert.True(fact.GetProperty("value").GetInt64() > 0);
        Assert.Contains((await CommandProcess.RunInAsync(_directory.Path, "list", "--control", socket)).Expect(0).Output, line => line.Contains("    seen ", StringComparison.Ordinal));

        var page = ExpositionParser.Parse(await MetricsAsync(socket));
        Assert.True(page.Sum("kvmi_policy_pinned_code") >= 1);
        Assert.True(page.Sum("kvmi_policy_fact") > 0);
        Assert.Contains(page.Series.Keys, key => key.StartsWith("kvmi_policy_fact{", StringComparison.Ordinal) && key.Contains("fact=\"seen\"", StringComparison.Ordinal));

        host.Terminate();
        var result = (await host.WaitForExitAsync()).Expect(0);
        RunCommandTests.AssertAllAnswered(Assert.Single(result.Json, line => RunCommandTests.Summary(line) == "simulation"));
    }

    private static async Task<string> MetricsAsync(string socket)
    {
        using var client = new HttpClient(new SocketsHttpHandler
        {
            ConnectCallback = async (_, cancellation) =>
            {
                var connection = new System.Net.Sockets.Socket(System.Net.Sockets.AddressFamily.Unix, System.Net.Sockets.SocketType.Stream, System.Net.Sockets.ProtocolType.Unspecified);
                await connection.ConnectAsync(new System.Net.Sockets.UnixDomainSocketEndPoint(socket), cancellation);
                return new System.Net.Sockets.NetworkStream(connection, ownsSocket: true);
            },
        });
        return await client.GetStringAsync("http://host/metrics");
    }
}
