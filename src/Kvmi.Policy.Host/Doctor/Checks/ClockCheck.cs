using System.Globalization;

namespace Kvmi.Policy.Host.Doctor.Checks;

/// <summary>Are the clocks fit for deadlines and for the times in the output?</summary>
internal sealed class ClockCheck : IDoctorCheck
{
    private const string Name = "clock";
    private const string SourcePath = "/sys/devices/system/clocksource/clocksource0/current_clocksource";
    private const int Samples = 20_000;
    private static readonly TimeSpan AllowedDrift = TimeSpan.FromMilliseconds(100);

    public IEnumerable<DoctorFinding> Run(DoctorContext context)
    {
        var source = context.System.ReadText(SourcePath)?.Trim() is { Length: > 0 } name ? name : null;
        var (steps, backwards, drift, smallest) = Sample(context.Time);
        Kvmi.Policy.Engine.Output.OutputField[] fields =
        [
            new("source", source), new("backwards", (long)backwards), new("resolutionNanoseconds", smallest), new("driftMilliseconds", drift.TotalMilliseconds),
        ];
        yield return Judge(source, steps, backwards, drift, smallest) with { Fields = fields };
    }

    private static DoctorFinding Judge(string? source, int steps, int backwards, TimeSpan drift, long smallest)
    {
        if (backwards > 0 || steps == 0)
        {
            return new DoctorFinding(Name, DoctorStatus.Failure,
                steps == 0 ? "The monotonic clock stands still." : string.Create(CultureInfo.InvariantCulture, $"The monotonic clock ran backwards {backwards} times in {Samples} readings."),
                $"Deadlines cannot work; choose another clock source in {SourcePath}.");
        }

        if (drift.Duration() > AllowedDrift)
        {
            return new DoctorFinding(Name, DoctorStatus.Warning,
                string.Create(CultureInfo.InvariantCulture, $"Wall clock and monotonic clock moved {drift.TotalMilliseconds:0} ms apart during this check: something sets the clock."),
                "Let one time service steer it slowly; deadlines are not concerned, the times in the output are.");
        }

        return source is null or "tsc" or "kvm-clock" or "hyperv_clocksource_tsc_page"
            ? new DoctorFinding(Name, DoctorStatus.Ok,
                string.Create(CultureInfo.InvariantCulture, $"The clocks agree; clock source {source ?? "unknown"}, steps of {smallest} ns."))
            : new DoctorFinding(Name, DoctorStatus.Warning, $"The clock source is {source}, which is slow to read; every event reads the clock.",
                "Use tsc or kvm-clock where the kernel offers it: see available_clocksource beside current_clocksource.");
    }

    private static (int Steps, int Backwards, TimeSpan Drift, long SmallestNanoseconds) Sample(TimeProvider time)
    {
        var wallStart = time.GetUtcNow();
        var start = time.GetTimestamp();
        var (last, steps, backwards, smallest) = (start, 0, 0, long.MaxValue);
        for (var i = 0; i < Samples; i++)
        {
            var now = time.GetTimestamp();
            steps += now > last ? 1 : 0;
            backwards += now < last ? 1 : 0;
            smallest = now > last ? Math.Min(smallest, now - last) : smallest;
            last = now;
        }

        var drift = time.GetUtcNow() - wallStart - time.GetElapsedTime(start);
        return (steps, backwards, drift, steps == 0 ? 0 : (long)(smallest * (1e9 / time.TimestampFrequency)));
    }
}
