using Kvmi.Policy.Engine.Model;
using Kvmi.Policy.Engine.Output;
using Kvmi.Policy.Host.CommandLine;
using Kvmi.Policy.Host.Output.Records;
using Kvmi.Policy.Host.Sinks;

namespace Kvmi.Policy.Host.Tests.Sinks;

public sealed class SinkSpecTests
{
    [Theory]
    [InlineData("file:/tmp/a:b,c.jsonl", "/tmp/a:b,c.jsonl")]
    [InlineData("file,keep=3,max-size=1MiB,sync=always:alerts.jsonl", "alerts.jsonl")]
    [InlineData("syslog:unix:/dev/log", "unix:/dev/log")]
    [InlineData("syslog,facility=local4,min=high,enterprise=99:udp:127.0.0.1:514", "udp:127.0.0.1:514")]
    [InlineData("syslog:tcp:[::1]:601", "tcp:[::1]:601")]
    [InlineData("syslog,clear-text=allow:tcp:192.0.2.1:601", "tcp:192.0.2.1:601")]
    [InlineData("stream,queue=1,timeout=500ms:unix:/run/x.sock", "unix:/run/x.sock")]
    [InlineData("webhook,batch=5:http://127.0.0.1:9000/in?a=b,c", "http://127.0.0.1:9000/in?a=b,c")]
    [InlineData("webhook:https://alerts.example/in", "https://alerts.example/in")]
    public void A_target_is_everything_after_the_first_colon(string text, string target) => Assert.Equal(target, SinkSpec.Parse(text).Target);

    [Theory]
    [InlineData("", "no kind of sink")]
    [InlineData("mail:root", "'mail' is no kind of sink")]
    [InlineData("1:x", "no kind of sink")]
    [InlineData("file", "the target is missing")]
    [InlineData("file:", "the target is missing")]
    [InlineData("file,:x", "'' is no option")]
    [InlineData("file,keep:x", "'keep' is no option")]
    [InlineData("file,keep=1,keep=2:x", "stands there twice")]
    [InlineData("file,keep=0:x", "a number from 1 to 1000")]
    [InlineData("file,max-size=1KiB:x", "a size from 4096 bytes")]
    [InlineData("file,max-size=99999999999999999999:x", "a size from 4096 bytes")]
    [InlineData("file,max-size=9223372036854775807GiB:x", "a size from 4096 bytes")]
    [InlineData("file,sync=sometimes:x", "give one of never, always")]
    [InlineData("file,facility=local0:x", "there is no option facility here; there are queue, timeout, kinds")]
    [InlineData("file,min=loud:x", "give one of info, low, medium, high, critical")]
    [InlineData("file,kinds=alert+noise:x", "'noise' is none of alert")]
    [InlineData("file,queue=-1:x", "a number from 1")]
    [InlineData("file,timeout=1:x", "a time from 10.00 ms to 5 min")]
    [InlineData("syslog:/dev/log", "is no address: give unix:PATH")]
    [InlineData("syslog:udp:127.0.0.1", "is no address")]
    [InlineData("syslog:tcp:localhost:601", "with the address in numbers")]
    [InlineData("syslog:udp:192.0.2.1:514", "without encryption")]
    [InlineData("stream:udp:127.0.0.1:514", "is no address")]
    [InlineData("stream,clear-text=yes:unix:/x", "write clear-text=allow")]
    [InlineData("webhook:/alerts", "is no URL")]
    [InlineData("webhook:ftp://127.0.0.1/", "is no URL")]
    [InlineData("webhook:http://alerts.example/in", "without encryption")]
    [InlineData("webhook:http://localhost:1/in", "without encryption")]
    [InlineData("webhook:https://user:secret@alerts.example/in", "a password in a URL is seen")]
    public void A_mistake_is_told_with_what_was_expected(string text, string message) =>
        Assert.Contains(message, Assert.Throws<UsageException>(() => SinkSpec.Parse(text)).Message, StringComparison.Ordinal);

    [Fact]
    public void A_path_of_a_socket_that_is_too_long_is_told() =>
        Assert.Contains("1 to 107 bytes", Assert.Throws<UsageException>(() => SinkSpec.Parse($"stream:unix:/{new string('x', 200)}")).Message, StringComparison.Ordinal);

    [Fact]
    public void A_filter_takes_alerts_unless_it_says_otherwise()
    {
        var alerts = SinkSpec.Parse("file,min=medium:x").Filter;
        Assert.True(alerts.Matches(SinkLines.Alert(severity: PolicySeverity.Medium)));
        Assert.False(alerts.Matches(SinkLines.Alert(severity: PolicySeverity.Low)));
        Assert.True(alerts.Matches(Suppressed(PolicySeverity.High)));
        Assert.False(alerts.Matches(Suppressed(PolicySeverity.Info)));
        Assert.False(alerts.Matches(SinkLines.Alert() with { IsAlert = false }));
        Assert.False(alerts.Matches(Status));

        var more = SinkSpec.Parse("file,kinds=record+status,policy=t0.test:x").Filter;
        Assert.True(more.Matches(SinkLines.Alert() with { IsAlert = false }));
        Assert.False(more.Matches(SinkLines.Alert() with { IsAlert = false, Policy = "other" }));
        Assert.False(more.Matches(Status));
        Assert.False(SinkSpec.Parse("file,vm=db:x").Filter.Matches(SinkLines.Alert()));
        Assert.True(SinkSpec.Parse("file,kinds=all:x").Filter.Matches(Status));
        Assert.True(SinkSpec.Parse("file,kinds=status:x").Filter.Matches(new TotalsOutput { Time = default, Kind = "x", Counts = [], Text = "" }));
    }

    private static StatusOutput Status { get; } = new() { Time = default, Status = "connected", Message = "x" };

    private static SuppressedAlertsOutput Suppressed(PolicySeverity severity) => new()
    {
        Time = default,
        Policy = "t0.test",
        Name = "a",
        Severity = severity,
        Mode = PolicyMode.Audit,
        Count = 1,
        Window = TimeSpan.FromSeconds(1),
        IsThrottle = true,
    };
}
