using System.Globalization;
using System.Net.Sockets;
using System.Text;
using System.Text.Json;
using Kvmi.Policy.Host.Tests.Commands;
using Kvmi.Policy.Host.Tests.Exits;

namespace Kvmi.Policy.Host.Tests.Sinks;

/// <summary>A host whose policy raises alerts all the time, and receivers that stall, go, come back, and answer strangely.</summary>
public sealed class SinkCommandTests
{
    [Fact]
    public async Task Every_sink_gets_every_alert_and_a_signal_delivers_what_waits()
    {
        using var directory = new TestDirectory();
        var log = Path.Combine(directory.Path, "log.sock");
        using var datagrams = Receiver.Unix(log, SocketType.Dgram);
        using var stream = Receiver.Unix(Path.Combine(directory.Path, "stream.sock"), SocketType.Stream);
        using var webhook = Receiver.Loopback(SocketType.Stream, answer: (socket, receiver) => Http.Answer(socket, receiver, 200));
        await using var guest = new WatchedGuest(directory.Socket());
        await using var host = CommandProcess.Start(
            directory.Path,
            Run(
                directory,
                every: 20,
                "file,sync=always,queue=100000:alerts.jsonl",
                $"syslog,queue=100000:unix:{log}",
                "stream,queue=100000:unix:stream.sock",
                $"webhook,queue=100000:http://127.0.0.1:{webhook.Port}/in"));
        stream.Until(text => text.Split('\n').Length > 50);

        // Another host may not write the same file.
        var other = (await CommandProcess.RunInAsync(directory.Path, "run", "--simulate", "--sink", "file:alerts.jsonl")).Expect(3);
        Assert.Contains("alerts.jsonl: the file cannot be written", other.Errors, StringComparison.Ordinal);
        host.Terminate();
        var result = (await host.WaitForExitAsync()).Expect(0);

        var alerts = result.Json.Where(line => RunCommandTests.Type(line) == "alert").Select(Number).ToArray();
        Assert.True(alerts.Length >= 50);
        Assert.Equal(alerts, (await File.ReadAllLinesAsync(Path.Combine(directory.Path, "alerts.jsonl"))).Select(Parse).Select(Number));
        stream.Until(text => text.Count(character => character == '\n') == alerts.Length);
        Assert.Equal(alerts, stream.Lines.Select(Parse).Select(Number));
        datagrams.Until(text => text.Count(character => character == '\n') == alerts.Length);
        var messages = datagrams.Lines.Select(line => SyslogParser.Parse(Encoding.ASCII.GetBytes(line))).ToArray();
        Assert.Equal(alerts, messages.Select(message => long.Parse(message.Data["fields"][0].Value, CultureInfo.InvariantCulture)));
        Assert.All(messages, message => Assert.Equal((10, 3, "alert"), (message.Facility, message.Severity, message.Id)));
        var bodies = webhook.Lines.Select(Parse).ToArray();
        Assert.Equal(alerts, bodies.SelectMany(body => body.GetProperty("lines").EnumerateArray()).Select(Number));
        Assert.Equal(Enumerable.Range(1, bodies.Length), bodies.Select(body => body.GetProperty("batch").GetInt32()));

        var sinks = result.Json.Where(line => RunCommandTests.Summary(line) == "sink").ToArray();
        Assert.Equal(4, sinks.Length);
        Assert.All(sinks, sink => Assert.Equal((alerts.Length, 0), (sink.GetProperty("delivered").GetInt32(), sink.GetProperty("lost").GetInt32())));
        WatchedGuest.AssertAllAnswered(await guest.WaitForEndAsync());
    }

    [Fact]
    public async Task A_site_file_names_sinks_as_the_command_line_does()
    {
        using var directory = new TestDirectory();
        directory.Write("policies/counter/policy.yaml", SamplePolicies.Yaml);
        directory.Write("policies/counter/counter.csx", "Decision OnCr3(CrEvent e) { Alert(\"seen\"); return Allow; }");
        directory.Write("site.yaml", "apiVersion: kvmi.policy/v1\nkind: Site\nsinks:\n  - file:site.jsonl\n");
        string[] run = ["run", "--simulate", "--policies", "policies", "--json", "--no-control", "--site", "site.yaml"];
        var result = (await CommandProcess.RunInAsync(directory.Path, [.. run, "--sink", "file:own.jsonl"])).Expect(0);
        var alerts = result.Output.Where(line => line.Contains("\"type\":\"alert\"", StringComparison.Ordinal)).ToArray();
        Assert.NotEmpty(alerts);
        Assert.Equal(alerts.Length, (await File.ReadAllLinesAsync(Path.Combine(directory.Path, "site.jsonl"))).Length);
        Assert.Equal(alerts.Length, (await File.ReadAllLinesAsync(Path.Combine(directory.Path, "own.jsonl"))).Length);

        var twice = (await CommandProcess.RunInAsync(directory.Path, [.. run, "--sink", "file:site.jsonl"])).Expect(2);
        Assert.Contains("is given twice (site files count too)", twice.Errors, StringComparison.Ordinal);

        directory.Write("site.yaml", "apiVersion: kvmi.policy/v1\nkind: Site\nsinks:\n  - file,keep=0:x.jsonl\n");
        foreach (var refused in new[]
        {
            (await CommandProcess.RunInAsync(directory.Path, run)).Expect(1),
            (await CommandProcess.RunInAsync(directory.Path, "validate", "policies", "--site", "site.yaml", "--json")).Expect(1),
        })
        {
            var finding = Assert.Single(refused.Json, line => line.GetProperty("type").GetString() == "finding");
            Assert.Equal(("KP0346", "site.yaml", 4), (finding.GetProperty("code").GetString(), finding.GetProperty("file").GetString(), finding.GetProperty("line").GetInt32()));
            Assert.Contains("keep=0: give a number from 1 to 1000", finding.GetProperty("reason").GetString(), StringComparison.Ordinal);
        }

        Assert.False(File.Exists(Path.Combine(directory.Path, "x.jsonl")));
    }

    [Fact]
    public async Task A_receiver_that_stalls_holds_neither_the_guest_nor_another_sink_and_hears_what_it_lost()
    {
        using var directory = new TestDirectory();
        using var receiver = Receiver.Unix(Path.Combine(directory.Path, "stream.sock"), SocketType.Stream);
        await using var guest = new WatchedGuest(directory.Socket());
        await using var host = CommandProcess.Start(
            directory.Path, Run(directory, every: 1, "stream,queue=10,timeout=300ms:unix:stream.sock", "file,queue=1000000:alerts.jsonl"));
        receiver.Until(text => text.Length > 0);
        receiver.Stall();
        var failed = await host.WaitForLineAsync("\"sink-failed\"");
        Assert.Contains("took nothing for 0.3 s", failed, StringComparison.Ordinal);
        guest.RunsOn();
        var size = new FileInfo(Path.Combine(directory.Path, "alerts.jsonl")).Length;
        Assert.True(SpinWait.SpinUntil(() => new FileInfo(Path.Combine(directory.Path, "alerts.jsonl")).Length > size, TimeSpan.FromSeconds(60)));
        receiver.Resume();
        await host.WaitForLineAsync("\"sink-works\"");
        receiver.Until(text => text.Contains("\"lost-output\"", StringComparison.Ordinal));
        host.Terminate();
        var result = (await host.WaitForExitAsync()).Expect(0);
        Assert.NotEqual(0, Sink(result, "stream").GetProperty("lost").GetInt64());
        Assert.Equal(0, Sink(result, "file").GetProperty("lost").GetInt64());
        WatchedGuest.AssertAllAnswered(await guest.WaitForEndAsync());
    }

    [Fact]
    public async Task A_receiver_that_goes_and_comes_back_is_found_again()
    {
        using var directory = new TestDirectory();
        var first = Receiver.Loopback(SocketType.Stream);
        await using var guest = new WatchedGuest(directory.Socket());
        await using var host = CommandProcess.Start(directory.Path, Run(directory, every: 20, $"syslog,facility=local4:tcp:127.0.0.1:{first.Port}"));
        first.Until(text => text.Length > 0);
        first.Dispose();
        await host.WaitForLineAsync("\"sink-failed\"");
        using (var second = Receiver.Loopback(SocketType.Stream, first.Port))
        {
            await host.WaitForLineAsync("\"sink-works\"");
            second.Until(text => text.Length > 2000);
            host.Terminate();
            var result = (await host.WaitForExitAsync()).Expect(0);
            Assert.Equal(0, Sink(result, "syslog").GetProperty("lost").GetInt64());
            Assert.All(Frames(second.Text), frame => Assert.Equal(20, SyslogParser.Parse(Encoding.ASCII.GetBytes(frame)).Facility));
        }

        WatchedGuest.AssertAllAnswered(await guest.WaitForEndAsync());
    }

    [Fact]
    public async Task A_webhook_is_tried_again_unless_it_refuses()
    {
        using var directory = new TestDirectory();
        var calls = 0;
        using var webhook = Receiver.Loopback(SocketType.Stream, answer: (socket, receiver) => Interlocked.Increment(ref calls) switch
        {
            1 => Http.Answer(socket, receiver, 500),
            2 => Http.Answer(socket, receiver, 429, "Retry-After: 1\r\n"),
            3 => Http.Read(socket, receiver) is null,
            4 => Http.Answer(socket, receiver, 302, "Location: http://127.0.0.1:1/elsewhere\r\n"),
            _ => Http.Answer(socket, receiver, 204),
        });
        var headers = directory.Write("headers", "# for the test\nAuthorization: Bearer secret-of-the-test\n");
        File.SetUnixFileMode(headers, UnixFileMode.UserRead);
        await using var guest = new WatchedGuest(directory.Socket());
        await using var host = CommandProcess.Start(
            directory.Path, Run(directory, every: 20, $"webhook,batch=5,queue=100000,timeout=2s,headers={headers}:http://127.0.0.1:{webhook.Port}/in?token=hidden"));
        Assert.Contains("answered 500; it is tried again", await host.WaitForLineAsync("\"sink-failed\""), StringComparison.Ordinal);
        await host.WaitForLineAsync("\"sink-works\"");
        host.Terminate();
        var result = (await host.WaitForExitAsync()).Expect(0);

        // The first batch was refused with the redirect, after three tries that could have gone well. Nobody went elsewhere.
        var sink = Sink(result, "webhook");
        var lost = sink.GetProperty("lost").GetInt32();
        Assert.InRange(lost, 1, 5);
        Assert.Equal(4, sink.GetProperty("failures").GetInt32());
        Assert.Contains("\"batch\":2,", webhook.Text, StringComparison.Ordinal);
        Assert.Contains($"Here {lost} line", webhook.Text, StringComparison.Ordinal);
        var heads = Http.Heads(webhook);
        Assert.All(heads, head => Assert.Contains("Authorization: Bearer secret-of-the-test", head, StringComparison.Ordinal));
        Assert.Single(heads.Take(4).Select(head => head.Split("Idempotency-Key: ")[1].Split('\r')[0]).Distinct());
        Assert.DoesNotContain("secret-of-the-test", string.Join('\n', result.Output) + result.Errors, StringComparison.Ordinal);
        Assert.DoesNotContain("hidden", string.Join('\n', result.Output) + result.Errors, StringComparison.Ordinal);
        WatchedGuest.AssertAllAnswered(await guest.WaitForEndAsync());
    }

    [Fact]
    public async Task The_end_does_not_wait_for_a_receiver_that_takes_nothing()
    {
        using var directory = new TestDirectory();
        await using var guest = new WatchedGuest(directory.Socket());
        await using var host = CommandProcess.Start(
            directory.Path, Run(directory, every: 20, "stream:unix:nobody.sock", "file:/dev/full", "syslog:unix:nobody.sock", "webhook:http://127.0.0.1:1/"));
        await host.WaitForLineAsync("No space left on device");
        await host.WaitForLineAsync("there is no such socket");
        host.Terminate();
        var result = (await host.WaitForExitAsync()).Expect(0);
        var sinks = result.Json.Where(line => RunCommandTests.Summary(line) == "sink").ToArray();
        Assert.Equal(4, sinks.Length);
        Assert.All(sinks, sink => Assert.Equal((0, true), (sink.GetProperty("delivered").GetInt32(), sink.GetProperty("failing").GetBoolean())));
        Assert.All(sinks, sink => Assert.NotEqual(0, sink.GetProperty("lost").GetInt64()));
        WatchedGuest.AssertAllAnswered(await guest.WaitForEndAsync());
    }

    [Fact]
    public async Task Status_and_metrics_tell_of_each_sink()
    {
        using var directory = new TestDirectory();
        var control = Path.Combine(directory.Path, "control.sock");
        await using var guest = new WatchedGuest(directory.Socket());
        await using var host = CommandProcess.Start(
            directory.Path, [.. Run(directory, every: 20, "file,min=critical:a.jsonl", "file:b.jsonl", "stream:unix:nobody.sock"), "--control", control]);
        await host.WaitForLineAsync("\"sink-failed\"");
        var status = (await CommandProcess.RunAsync("status", "--control", control, "--json")).Expect(0);
        var sinks = Assert.Single(status.Json).GetProperty("sinks").EnumerateArray().ToDictionary(sink => sink.GetProperty("sink").GetString()!);
        Assert.Equal(["file:a.jsonl", "file:b.jsonl", "stream:unix:nobody.sock"], sinks.Keys.Order(StringComparer.Ordinal));
        Assert.Equal(0, sinks["file:a.jsonl"].GetProperty("delivered").GetInt64());
        Assert.True(sinks["stream:unix:nobody.sock"].GetProperty("failing").GetBoolean());
        Assert.Contains("sink file:b.jsonl: ", string.Join('\n', (await CommandProcess.RunAsync("status", "--control", control)).Expect(0).Output), StringComparison.Ordinal);
        host.Terminate();
        (await host.WaitForExitAsync()).Expect(0);
        await guest.WaitForEndAsync();
    }

    [Theory]
    [InlineData("mail:root", 2, "is no kind of sink")]
    [InlineData("file:/nowhere/at/all.jsonl", 3, "/nowhere/at/all.jsonl: the file cannot be written")]
    [InlineData("webhook,headers=/nowhere/h:http://127.0.0.1:1/", 3, "/nowhere/h: the file of headers cannot be read")]
    public async Task A_sink_that_cannot_be_is_told_at_the_start(string sink, int exitCode, string message)
    {
        var result = (await CommandProcess.RunAsync("run", "--simulate", "--sink", sink)).Expect(exitCode);
        Assert.Contains(message, result.Errors, StringComparison.Ordinal);
        Assert.DoesNotContain("Unhandled", result.Errors, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_file_that_two_sinks_would_write_is_told() => Assert.Contains(
        "is given twice",
        (await CommandProcess.RunAsync("run", "--simulate", "--sink", "file:x.jsonl", "--sink", "file,min=high:./x.jsonl")).Expect(2).Errors,
        StringComparison.Ordinal);

    [Theory]
    [InlineData(UnixFileMode.UserRead | UnixFileMode.OtherRead, "X: y", "others can read")]
    [InlineData(UnixFileMode.UserRead, "no header secret", "headers:1: expected a header")]
    [InlineData(UnixFileMode.UserRead, "# x\nHost: elsewhere", "headers:2: the header Host is the host's own")]
    public async Task A_file_of_headers_that_is_none_is_told_without_its_text(UnixFileMode mode, string text, string message)
    {
        using var directory = new TestDirectory();
        var headers = directory.Write("headers", text);
        File.SetUnixFileMode(headers, mode);
        var result = (await CommandProcess.RunAsync("run", "--simulate", "--sink", $"webhook,headers={headers}:http://127.0.0.1:1/")).Expect(3);
        Assert.Contains(message, result.Errors, StringComparison.Ordinal);
        Assert.DoesNotContain("secret", result.Errors, StringComparison.Ordinal);
    }

    private static JsonElement Parse(string line) => JsonDocument.Parse(line).RootElement;

    private static long Number(JsonElement alert) => alert.GetProperty("fields").GetProperty("n").GetInt64();

    private static JsonElement Sink(CommandResult result, string kind) => Assert.Single(
        result.Json,
        line => RunCommandTests.Summary(line) == "sink" && line.GetProperty("sink").GetString()!.StartsWith(kind, StringComparison.Ordinal));

    private static IEnumerable<string> Frames(string text)
    {
        while (text.Length > 0)
        {
            var blank = text.IndexOf(' ', StringComparison.Ordinal);
            var length = int.Parse(text[..blank], CultureInfo.InvariantCulture);
            yield return text.Substring(blank + 1, length);
            text = text[(blank + 1 + length)..];
        }
    }

    private static string[] Run(TestDirectory directory, int every, params string[] sinks)
    {
        directory.Write("policies/ticker/policy.yaml", SamplePolicies.Yaml.Replace("test.counter", "test.ticker", StringComparison.Ordinal) + "\n  alerts: { severity: high }\n");
        directory.Write(
            "policies/ticker/ticker.csx",
            $$"""
            var events = 0;
            var alerts = 0;

            Decision OnCr3(CrEvent e)
            {
                if (events++ % {{every}} == 0)
                {
                    Alert("tick", new { n = alerts++ });
                }

                return Allow;
            }
            """);
        return ["run", "--listen", directory.Socket(), "--policies", "policies", "--json", .. sinks.SelectMany(sink => new[] { "--sink", sink })];
    }

    /// <summary>As much of HTTP as a receiver of webhooks needs.</summary>
    private static class Http
    {
        private static readonly System.Runtime.CompilerServices.ConditionalWeakTable<Receiver, List<string>> Seen = [];

        public static string[] Heads(Receiver receiver)
        {
            var heads = Seen.GetOrCreateValue(receiver);
            lock (heads)
            {
                return [.. heads];
            }
        }

        /// <summary>Reads a request and answers it.</summary>
        /// <returns>False when the connection is over.</returns>
        public static bool Answer(Socket socket, Receiver receiver, int status, string headers = "")
        {
            if (Read(socket, receiver) is not { } body)
            {
                return false;
            }

            if (status < 300)
            {
                receiver.Keep([.. Encoding.UTF8.GetBytes(body.Replace("\n", "", StringComparison.Ordinal)), (byte)'\n']);
            }

            socket.Send(Encoding.ASCII.GetBytes($"HTTP/1.1 {status} X\r\n{headers}{(status == 204 ? "" : "Content-Length: 0\r\n")}\r\n"));
            return true;
        }

        /// <summary>Reads a request.</summary>
        /// <returns>Its body; null when the connection is over.</returns>
        public static string? Read(Socket socket, Receiver receiver)
        {
            var head = new StringBuilder();
            var one = new byte[1];
            while (!head.ToString().EndsWith("\r\n\r\n", StringComparison.Ordinal))
            {
                if (socket.Receive(one) == 0)
                {
                    return null;
                }

                head.Append((char)one[0]);
            }

            var heads = Seen.GetOrCreateValue(receiver);
            lock (heads)
            {
                heads.Add(head.ToString());
            }

            var length = int.Parse(head.ToString().Split("Content-Length: ")[1].Split('\r')[0], CultureInfo.InvariantCulture);
            var body = new byte[length];
            for (var at = 0; at < length;)
            {
                var count = socket.Receive(body, at, length - at, SocketFlags.None);
                if (count == 0)
                {
                    return null;
                }

                at += count;
            }

            return Encoding.UTF8.GetString(body);
        }
    }
}
