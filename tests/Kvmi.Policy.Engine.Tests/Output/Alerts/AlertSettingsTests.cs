using System.Collections.Concurrent;
using Kvmi.Policy.Engine.Model;
using Kvmi.Policy.Engine.Output;
using Kvmi.Policy.Engine.Tests.Runtime;
using Kvmi.Protocol;
using Kvmi.Protocol.Events;
using static Kvmi.Policy.Engine.Tests.Runtime.EngineBench;

namespace Kvmi.Policy.Engine.Tests.Output.Alerts;

/// <summary>spec.alerts through the whole engine.</summary>
public sealed class AlertSettingsTests
{
    private static readonly EventBody Write = EventBody.Cr(3, 0x1000, 0x2000);

    [Fact]
    public void An_alert_gets_what_its_event_has_of_the_fields_that_are_asked_for()
    {
        using var bench = Alerting(new PolicyAlertSettings([], TimeSpan.Zero) { EventFields = ["rip", "old", "gpa", "cpl"] }, new { Old = "mine" });
        bench.Send(Write);
        bench.Engine.Flush();
        var alert = Assert.Single(bench.Sink.Records.OfType<NoticeOutput>());
        Assert.Equal(
            [new OutputField("old", "mine"), new OutputField("rip", bench.State.Regs.Rip), new OutputField("cpl", 0L)],
            alert.Fields);
    }

    [Fact]
    public void The_windows_stay_over_a_reload_that_keeps_the_state_and_are_told_at_the_end()
    {
        var settings = new PolicyAlertSettings([], TimeSpan.FromHours(1));
        using var bench = Alerting(settings, null);
        bench.Send(Write);
        bench.Load(Policy(settings, null));
        bench.Send(Write);
        bench.Send(Write);
        bench.Engine.CloseAlertWindows();
        Assert.Single(bench.Sink.Records.OfType<NoticeOutput>());
        Assert.Equal(2, Assert.Single(bench.Sink.Records.OfType<SuppressedAlertsOutput>()).Count);
        bench.Engine.CloseAlertWindows();
        Assert.Single(bench.Sink.Records.OfType<SuppressedAlertsOutput>());
    }

    [Fact]
    public void The_end_of_a_window_is_reported_although_no_further_line_comes()
    {
        var time = new TimerTime();
        var sink = new ListSink();
        using var engine = new PolicyEngine(new PolicyEngineOptions { Output = sink, TimeProvider = time, HashSeed = 1 });
        var vm = new FakeVm();
        var handler = (Engine.Runtime.VmPolicyHandler)engine.Create(vm);
        engine.Swap(new Engine.Generations.Generation(1, [Policy(new PolicyAlertSettings([], TimeSpan.FromMinutes(10)), null)], new CodeLife()));
        handler.Attached();
        using var frames = new EngineBench();
        var frame = frames.Frame(in Write, 0);
        for (var i = 0; i < 3; i++)
        {
            var reply = default(Kvmi.Protocol.Events.EventReply);
            handler.OnEvent(in frame, ref reply);
        }

        engine.Flush();
        Assert.Empty(sink.Records.OfType<SuppressedAlertsOutput>());
        Assert.True(time.Armed.TryTake(out var due, TimeSpan.FromSeconds(60)));
        Assert.Equal(TimeSpan.FromMinutes(10), due);
        time.Advance(TimeSpan.FromMinutes(10));
        time.Fire();
        Assert.True(SpinWait.SpinUntil(() => sink.Records.OfType<SuppressedAlertsOutput>().Any(), TimeSpan.FromSeconds(60)));
        var report = Assert.Single(sink.Records.OfType<SuppressedAlertsOutput>());
        Assert.Equal((2L, TimeSpan.FromMinutes(10)), (report.Count, report.Window));
        handler.Detaching(Kvmi.Session.Vm.DetachReason.Stopping);
    }

    [Fact]
    public void An_alert_that_finds_the_output_full_counts_as_raised()
    {
        using var bench = Alerting(new PolicyAlertSettings([], TimeSpan.FromHours(1)), null, outputCapacity: 2);
        using var gate = new ManualResetEventSlim();
        bench.Sink.Before = gate.Wait;
        for (var i = 0; i < 100; i++)
        {
            bench.Send(Write);
        }

        gate.Set();
        bench.Engine.Flush();
        var summary = Assert.Single(bench.Engine.GetSummary().Policies);
        Assert.Equal(100, summary.Alerts + summary.SuppressedAlerts);
    }

    private static EngineBench Alerting(PolicyAlertSettings settings, object? fields, int outputCapacity = 8192)
    {
        var bench = new EngineBench(outputCapacity: outputCapacity);
        bench.Load(Policy(settings, fields));
        return bench.Attach();
    }

    private static Engine.Generations.GenerationPolicy Policy(PolicyAlertSettings settings, object? fields) =>
        Loaded(Define("p", OnCr3) with { Alerts = settings }, services => [Cr(() =>
        {
            services.Alert("n", fields);
            return Decision.Allow;
        })]);

    /// <summary>A clock whose timers fire when the test says so.</summary>
    private sealed class TimerTime : TimeProvider
    {
        private readonly ConcurrentBag<TimerCallback> _callbacks = [];
        private long _elapsed;
        private object? _state;

        public BlockingCollection<TimeSpan> Armed { get; } = [];

        public override long TimestampFrequency => TimeSpan.TicksPerSecond;

        public void Advance(TimeSpan time) => Interlocked.Add(ref _elapsed, time.Ticks);

        public void Fire()
        {
            foreach (var callback in _callbacks)
            {
                callback(_state);
            }
        }

        public override long GetTimestamp() => Interlocked.Read(ref _elapsed) + TimeSpan.TicksPerDay;

        public override DateTimeOffset GetUtcNow() => new(GetTimestamp(), TimeSpan.Zero);

        public override ITimer CreateTimer(TimerCallback callback, object? state, TimeSpan dueTime, TimeSpan period)
        {
            _state = state;
            _callbacks.Add(callback);
            return new Timer(this);
        }

        private sealed class Timer(TimerTime time) : ITimer
        {
            public bool Change(TimeSpan dueTime, TimeSpan period)
            {
                time.Armed.Add(dueTime);
                return true;
            }

            public void Dispose()
            {
            }

            public ValueTask DisposeAsync() => ValueTask.CompletedTask;
        }
    }
}
