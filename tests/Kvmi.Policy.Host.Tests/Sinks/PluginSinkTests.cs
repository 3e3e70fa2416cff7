using System.Collections.Concurrent;
using Kvmi.Policy.Engine.Output;
using Kvmi.Policy.Engine.Plugins;
using Kvmi.Policy.Host.CommandLine;
using Kvmi.Policy.Host.Sinks;
using Kvmi.Policy.Host.Tests.Commands;

namespace Kvmi.Policy.Host.Tests.Sinks;

public sealed class PluginSinkTests : IDisposable
{
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(60);
    private readonly TestDirectory _directory = new();
    private readonly ConcurrentQueue<StatusOutput> _said = [];

    public void Dispose() => _directory.Dispose();

    [Fact]
    public void A_class_of_a_plugin_gets_its_text_and_every_line_with_its_parts()
    {
        Plugin("System.IO.File.AppendAllText(_text, $\"{line.Type} {line.Name} {line.Severity} {line.Policy} {System.Text.Encoding.ASCII.GetString(line.Json.Span)}\\n\");");
        var file = Path.Combine(_directory.Path, "out.txt");
        using (var worker = Worker($":{file}"))
        {
            worker.Offer(SinkLines.Alert("first"));
            worker.Offer(SinkLines.Alert("second"));
            Assert.True(SpinWait.SpinUntil(() => worker.State.Delivered == 2, Patience), string.Join('\n', _said.Select(line => line.Message)));
        }

        var lines = File.ReadAllLines(file);
        Assert.Equal(3, lines.Length);
        Assert.StartsWith("alert first ", lines[0], StringComparison.Ordinal);
        Assert.EndsWith("}", lines[0], StringComparison.Ordinal);
        Assert.Contains("\"name\":\"second\"", lines[1], StringComparison.Ordinal);
        Assert.Equal("disposed", lines[2]);
        Assert.Empty(_said);
    }

    [Fact]
    public void A_call_that_hangs_is_cut_off_and_what_comes_later_is_counted_as_lost()
    {
        Plugin("System.Threading.Thread.Sleep(System.Threading.Timeout.Infinite);");
        using var worker = Worker("", ",timeout=10ms");
        worker.Offer(SinkLines.Alert("a"));

        // Where already the making of the class takes longer than that, it is tried again first.
        Assert.True(SpinWait.SpinUntil(() => _said.Any(line => line.Status == "sink-cut-off"), Patience));
        var said = _said.Last();
        Assert.Contains("plugin recorder is at fault, a call of its class Recorder does not return", said.Message, StringComparison.Ordinal);
        worker.Offer(SinkLines.Alert("b"));
        Assert.Equal((0L, 2L, 0L, true), (worker.State.Delivered, worker.State.Lost, worker.State.Waiting, worker.State.IsFailing));
    }

    [Fact]
    public void A_call_that_heeds_its_cancellation_is_tried_again()
    {
        Plugin("if (_calls++ < 2) { cancellation.WaitHandle.WaitOne(); cancellation.ThrowIfCancellationRequested(); }");
        using var worker = Worker("", ",timeout=1s");
        worker.Offer(SinkLines.Alert("a"));
        Assert.True(SpinWait.SpinUntil(() => worker.State.Delivered == 1, Patience));
        Assert.Equal("sink-failed", _said.First().Status);
        Assert.Equal(0, worker.State.Lost);
    }

    [Fact]
    public void A_class_that_throws_five_times_in_a_row_is_cut_off()
    {
        Plugin("throw new System.InvalidOperationException(\"no luck\");");
        using var worker = Worker("");
        worker.Offer(SinkLines.Alert("a"));
        Assert.True(SpinWait.SpinUntil(() => _said.Any(line => line.Status == "sink-cut-off"), Patience));
        Assert.Equal(["sink-failed", "sink-cut-off"], _said.Select(line => line.Status));
        Assert.Contains("threw 5 times in a row, at last InvalidOperationException: no luck", _said.Last().Message, StringComparison.Ordinal);
        Assert.Equal((5L, 1L), (worker.State.Failures, worker.State.Lost));
    }

    [Fact]
    public void What_a_receiver_brings_about_is_tried_without_end()
    {
        Plugin("if (_calls++ < 6) throw new System.IO.IOException(\"connection refused\");");
        using var worker = Worker("");
        worker.Offer(SinkLines.Alert("a"));
        Assert.True(SpinWait.SpinUntil(() => worker.State.Delivered == 1, Patience));
        Assert.Equal((6L, 0L), (worker.State.Failures, worker.State.Lost));
        Assert.Equal(["sink-failed", "sink-works"], _said.Select(line => line.Status));
    }

    [Fact]
    public void An_exception_whose_message_throws_is_an_error_like_others()
    {
        Plugin("throw new Sly();", "public sealed class Sly : System.Exception { public override string Message => throw new System.Exception(); }");
        using var worker = Worker("");
        worker.Offer(SinkLines.Alert("a"));
        Assert.True(SpinWait.SpinUntil(() => _said.Any(line => line.Status == "sink-cut-off"), Patience));
        Assert.Contains("Sly: (its message cannot be read: Exception)", _said.Last().Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("plugin:nowhere/Recorder", "there is no plugin 'nowhere' in ")]
    [InlineData("plugin:recordr/Recorder", "did you mean recorder?")]
    [InlineData("plugin:recorder/Other", "has no class Other: its sinks are Recorder")]
    [InlineData("plugin:recorder/Census", "class Census of plugin 'recorder' (")]
    public void What_is_no_sink_is_refused_before_the_run(string sink, string message)
    {
        Plugin("");
        Assert.Contains(message, Assert.Throws<HostEnvironmentException>(() => Parse(sink).Open(TimeProvider.System)).Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("plugin:recorder")]
    [InlineData("plugin:recorder/")]
    [InlineData("plugin:a/b/c")]
    public void A_target_without_a_class_is_wrong_usage(string sink) =>
        Assert.Contains("names no sink of a plugin: give ID/CLASS", Assert.Throws<UsageException>(() => Parse(sink)).Message, StringComparison.Ordinal);

    [Fact]
    public void The_text_stays_out_of_the_name() => Assert.Equal("plugin:recorder/Recorder", Parse("plugin:recorder/Recorder:token=secret").Name);

    [Fact]
    public async Task Run_gives_a_plugins_sink_every_alert_and_a_hanging_one_holds_nothing()
    {
        Plugin("if (_text == \"hang\") System.Threading.Thread.Sleep(System.Threading.Timeout.Infinite); System.IO.File.AppendAllText(_text, System.Text.Encoding.ASCII.GetString(line.Json.Span) + \"\\n\");");
        SamplePolicies.Write(_directory, "seen");
        var file = Path.Combine(_directory.Path, "alerts.jsonl");
        var result = (await CommandProcess.RunInAsync(
            _directory.Path, "run", "--simulate", "--plugins", "plugins", "--json", "--sink", $"plugin,kinds=all:recorder/Recorder:{file}", "--sink",
            "plugin,kinds=all,timeout=50ms:recorder/Recorder:hang")).Expect(0);
        var sinks = result.Json.Where(line => RunCommandTests.Summary(line) == "sink").ToArray();
        Assert.Equal(0, sinks[0].GetProperty("lost").GetInt64());
        Assert.Equal(File.ReadAllLines(file).Length, sinks[0].GetProperty("delivered").GetInt64());
        Assert.NotEqual(0, sinks[0].GetProperty("delivered").GetInt64());
        Assert.Equal(0, sinks[1].GetProperty("delivered").GetInt64());
        Assert.NotEqual(0, sinks[1].GetProperty("lost").GetInt64());
        RunCommandTests.AssertAllAnswered(Assert.Single(result.Json, line => RunCommandTests.Summary(line) == "simulation"));
    }

    private SinkSpec Parse(string sink) => SinkSpec.Parse(sink, new PluginSinks([Path.Combine(_directory.Path, "plugins")], PluginRules.None));

    private SinkWorker Worker(string text, string options = "")
    {
        var spec = Parse($"plugin{options}:recorder/Recorder{text}");
        return new SinkWorker(spec.Name, spec, spec.Open(TimeProvider.System), TimeProvider.System, () => 0, _said.Enqueue);
    }

    private void Plugin(string write, string more = "")
    {
        var folder = Directory.CreateDirectory(Path.Combine(_directory.Path, "plugins", "recorder")).FullName;
        File.WriteAllBytes(Path.Combine(folder, "Recorder.dll"), PluginAssembly.Build("recorder", "}" + more + """
            public sealed class Recorder : Kvmi.Policy.IAlertSink
            {
                private string _text = "";
                private int _calls;
                public void Open(Kvmi.Policy.AlertSinkSettings settings) => _text = settings.Text;
                public void Write(Kvmi.Policy.AlertSinkLine line, System.Threading.CancellationToken cancellation) { _ = _calls; WRITE }
                public void Dispose() { if (_text.EndsWith(".txt")) System.IO.File.AppendAllText(_text, "disposed\n"); }
            """.Replace("WRITE", write, StringComparison.Ordinal)));
    }
}
