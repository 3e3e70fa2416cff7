using Kvmi.Policy.Engine.Model;
using Kvmi.Policy.Engine.Output;
using Kvmi.Policy.Engine.Output.Alerts;
using Kvmi.Policy.Engine.Summary;
using Kvmi.Policy.Engine.Tests.Runtime;

namespace Kvmi.Policy.Engine.Tests.Output.Alerts;

public sealed class AlertThinningTests
{
    private readonly EngineBench.ManualTime _time = new();
    private readonly List<OutputRecord> _sent = [];
    private readonly PolicyStatistics _statistics = new("p");
    private readonly AlertThinning _thinning;

    public AlertThinningTests() => _thinning = new AlertThinning(_time, _sent.Add);

    [Fact]
    public void What_dedupe_kept_back_is_reported_when_its_window_ends_and_before_the_next_alert()
    {
        var source = Source(Dedupe(TimeSpan.FromMinutes(10), "root"));
        Raise(source, "a", ("root", 0x1000UL), ("rip", 1UL));
        _time.Advance(TimeSpan.FromMinutes(1));
        Raise(source, "a", ("root", 0x1000UL), ("rip", 2UL));
        Raise(source, "a", ("root", 0x1000UL), ("rip", 3UL));
        Raise(source, "a", ("root", 0x2000UL), ("rip", 4UL));
        Raise(source, "b", ("root", 0x1000UL), ("rip", 5UL));
        Assert.Equal([1UL, 4UL, 5UL], Rips());

        _time.Advance(TimeSpan.FromMinutes(9));
        Raise(source, "a", ("root", 0x1000UL), ("rip", 6UL));
        var report = Assert.IsType<SuppressedAlertsOutput>(_sent[3]);
        Assert.Equal(("p", "a", 2L, TimeSpan.FromMinutes(10), false), (report.Policy, report.Name, report.Count, report.Window, report.IsThrottle));
        Assert.Equal([new OutputField("root", 0x1000UL)], report.Fields);
        Assert.Equal([1UL, 4UL, 5UL, 6UL], Rips());
        Assert.Equal((4, 2), (_statistics.Alerts, _statistics.SuppressedAlerts));

        // Nothing was kept back in the other windows: nothing is said about them.
        _time.Advance(TimeSpan.FromDays(1));
        _thinning.Close(_time.GetTimestamp());
        Assert.Single(_sent.OfType<SuppressedAlertsOutput>());
    }

    [Fact]
    public void A_throttle_counts_each_name_for_itself_so_that_a_flood_hides_nothing_else()
    {
        var source = Source(new PolicyAlertSettings([], TimeSpan.Zero) { Throttle = new PolicyAlertThrottle(2, TimeSpan.FromMinutes(1)) });
        for (var i = 0; i < 1000; i++)
        {
            Raise(source, "noise", ("rip", 7UL));
        }

        Raise(source, "critical", ("rip", 8UL));
        Assert.Equal([7UL, 7UL, 8UL], Rips());
        _thinning.CloseAll();
        var report = Assert.Single(_sent.OfType<SuppressedAlertsOutput>());
        Assert.Equal(("noise", 998L, true, 0), (report.Name, report.Count, report.IsThrottle, report.Fields.Count));

        // The window is still open, and what it keeps back from here on is reported once more.
        Raise(source, "noise", ("rip", 9UL));
        _time.Advance(TimeSpan.FromMinutes(1));
        Raise(source, "noise", ("rip", 10UL));
        Assert.Equal(1, _sent.OfType<SuppressedAlertsOutput>().Last().Count);
        Assert.Equal([7UL, 7UL, 8UL, 10UL], Rips());
    }

    [Fact]
    public void An_alert_that_the_throttle_keeps_back_does_not_silence_its_equals()
    {
        var settings = Dedupe(TimeSpan.FromHours(1), "root") with { Throttle = new PolicyAlertThrottle(1, TimeSpan.FromSeconds(1)) };
        var source = Source(settings);
        Raise(source, "a", ("root", 1UL), ("rip", 1UL));
        Raise(source, "a", ("root", 2UL), ("rip", 2UL));
        _time.Advance(TimeSpan.FromSeconds(1));
        Raise(source, "a", ("root", 2UL), ("rip", 3UL));
        Assert.Equal([1UL, 3UL], Rips());
    }

    [Fact]
    public void More_different_alerts_than_are_remembered_pass_and_the_tables_stay_bounded()
    {
        var source = Source(Dedupe(TimeSpan.FromHours(1), "root"));
        for (var round = 0; round < 2; round++)
        {
            for (var i = 0UL; i < AlertWindows.MaxKeys + 100; i++)
            {
                Raise(source, "a", ("root", i), ("rip", i));
            }
        }

        Assert.Equal(AlertWindows.MaxKeys, _statistics.SuppressedAlerts);
        Assert.Equal(AlertWindows.MaxKeys + 200, _statistics.Alerts);

        // When the windows are over, there is room again.
        _time.Advance(TimeSpan.FromHours(1));
        _sent.Clear();
        Raise(source, "a", ("root", 1UL << 40), ("rip", 1UL));
        Raise(source, "a", ("root", 1UL << 40), ("rip", 2UL));
        Assert.Equal([1UL], Rips());
    }

    [Fact]
    public void Names_beyond_the_bound_share_one_throttle_and_none_escapes_it()
    {
        var source = Source(new PolicyAlertSettings([], TimeSpan.Zero) { Throttle = new PolicyAlertThrottle(1, TimeSpan.FromHours(1)) });
        for (var i = 0; i < AlertWindows.MaxNames + 50; i++)
        {
            Raise(source, $"n{i}");
        }

        Assert.Equal((AlertWindows.MaxNames + 1, 49), (_statistics.Alerts, _statistics.SuppressedAlerts));
        _thinning.CloseAll();
        Assert.Equal(AlertWindows.OtherNames, Assert.Single(_sent.OfType<SuppressedAlertsOutput>()).Name);
    }

    [Theory]
    [InlineData("ab", "c", "a", "bc")]
    [InlineData("", "x", "x", "")]
    [InlineData("a\0b", "c", "a", "b\0c")]
    public void Values_that_only_look_alike_when_they_are_joined_are_different_alerts(string one, string two, string three, string four)
    {
        var source = Source(Dedupe(TimeSpan.FromHours(1), "a", "b"));
        Raise(source, "n", ("a", one), ("b", two));
        Raise(source, "n", ("a", three), ("b", four));
        Assert.Equal(2, _sent.Count);
    }

    [Fact]
    public void Bytes_are_not_the_text_of_the_same_digits_and_nothing_is_not_an_empty_text()
    {
        var source = Source(Dedupe(TimeSpan.FromHours(1), "a"));
        Raise(source, "n", ("a", new byte[] { 0x61, 0 }));
        Raise(source, "n", ("a", "a"));
        Raise(source, "n", ("a", ""));
        Raise(source, "n");
        Raise(source, "n", ("a", new byte[] { 0x61, 0 }));
        Assert.Equal((4, 1), (_statistics.Alerts, _statistics.SuppressedAlerts));
    }

    [Fact]
    public void Fixed_fields_are_added_and_the_policys_own_is_stronger()
    {
        var source = Source(new PolicyAlertSettings([], TimeSpan.Zero) { FixedFields = [new("team", "blue"), new("Rip", 0L)] });
        Raise(source, "n", ("rip", 5UL));
        var alert = Assert.IsType<NoticeOutput>(Assert.Single(_sent));
        Assert.Equal([new OutputField("rip", 5UL), new OutputField("team", "blue")], alert.Fields);
    }

    [Fact]
    public void A_report_holds_no_long_values_of_the_guest()
    {
        var source = Source(Dedupe(TimeSpan.FromHours(1), "text", "bytes"));
        for (var i = 0; i < 2; i++)
        {
            Raise(source, "n", ("text", new string('x', 1024)), ("bytes", new byte[256]));
        }

        _thinning.CloseAll();
        var fields = Assert.Single(_sent.OfType<SuppressedAlertsOutput>()).Fields;
        Assert.Equal((64, 32), (Assert.IsType<string>(fields[0].Value).Length, Assert.IsType<byte[]>(fields[1].Value).Length));
    }

    private static PolicyAlertSettings Dedupe(TimeSpan window, params string[] by) => new(by, window);

    private AlertSource Source(PolicyAlertSettings settings) => new(settings, new AlertWindows(42), _statistics);

    private ulong[] Rips() =>
        [.. _sent.OfType<NoticeOutput>().Select(alert => alert.Fields.Where(field => field.Name == "rip").Select(field => (ulong)field.Value!).Single())];

    private void Raise(AlertSource source, string name, params (string Name, object? Value)[] fields) => _thinning.Take(
        new NoticeOutput
        {
            Time = _time.GetUtcNow(),
            Vm = "vm",
            IsAlert = true,
            Policy = "p",
            Name = name,
            Severity = PolicySeverity.High,
            Mode = PolicyMode.Audit,
            Fields = [.. fields.Select(field => new OutputField(field.Name, field.Value))],
        },
        source,
        _time.GetTimestamp());
}
