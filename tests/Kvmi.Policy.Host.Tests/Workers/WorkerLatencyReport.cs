using System.Globalization;
using Kvmi.Policy.Engine.Containment.Worker;
using Kvmi.Policy.Host.Tests.Commands;

namespace Kvmi.Policy.Host.Tests.Workers;

/// <summary>What a worker costs: a report on request, not a test. Start with <c>-explicit only -class "*WorkerLatencyReport"</c>.</summary>
[Collection("workers")]
public sealed class WorkerLatencyReport : IDisposable
{
    private readonly TestDirectory _directory = new();

    public void Dispose() => _directory.Dispose();

    [Theory(Explicit = true)]
    [InlineData(false, 0)]
    [InlineData(true, 0)]
    [InlineData(true, 1000)]
    public void Time_from_event_to_reply(bool untrusted, int pauseMicroseconds)
    {
        _directory.Write("policies/p/policy.yaml", WorkerRig.Yaml("file: p.csx"));
        _directory.Write("policies/p/p.csx", "Decision OnCr(CrEvent e) => e.New == 1 ? Keep(e.Old) : Allow;");
        using var rig = WorkerRig.Attach(_directory, new WorkerSettings
        {
            Program = WorkerRig.Settings.Program,
            Arguments = WorkerRig.Settings.Arguments,
        }, untrusted);
        var clock = TimeProvider.System;
        var first = Measure(rig, clock);
        var count = pauseMicroseconds == 0 ? 50_000 : 3_000;
        var times = new double[count];
        for (var i = 0; i < count; i++)
        {
            var pause = clock.GetTimestamp();
            while (clock.GetElapsedTime(pause).TotalMicroseconds < pauseMicroseconds)
            {
                // Longer than the worker spins, so that it is asleep when the event comes.
                Thread.SpinWait(20);
            }

            times[i] = Measure(rig, clock);
        }

        Assert.DoesNotContain(rig.Output(), line => line.StartsWith("policy-error", StringComparison.Ordinal));
        Array.Sort(times, count / 5, count - (count / 5));
        var steady = times.AsSpan(count / 5);
        TestContext.Current.TestOutputHelper!.WriteLine(string.Create(CultureInfo.InvariantCulture,
            $"untrusted={untrusted} pause={pauseMicroseconds}us: first {first:0} us, p50 {steady[steady.Length / 2]:0.00}, "
            + $"p99 {steady[(int)(steady.Length * 0.99)]:0.00}, p99.9 {steady[(int)(steady.Length * 0.999)]:0.00} us"));
    }

    private static double Measure(WorkerRig rig, TimeProvider clock)
    {
        rig.Prepare(2, 3);
        var started = clock.GetTimestamp();
        rig.DecidePrepared();
        return clock.GetElapsedTime(started).TotalMicroseconds;
    }
}
