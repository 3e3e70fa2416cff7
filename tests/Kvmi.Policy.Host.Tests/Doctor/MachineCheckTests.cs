using Kvmi.Policy.Host.Doctor;
using Kvmi.Policy.Host.Doctor.Checks;
using Kvmi.Policy.Host.Doctor.Facts;

namespace Kvmi.Policy.Host.Tests.Doctor;

public sealed class MachineCheckTests
{
    private readonly FakeHost _host = new();

    [Fact]
    public void Every_check_is_content_with_a_good_machine()
    {
        var context = new DoctorContext(_host, new DoctorOptions(), TimeProvider.System);
        foreach (var finding in DoctorRun.Checks.SelectMany(check => check.Run(context)))
        {
            Assert.True(finding.Status == DoctorStatus.Ok || finding.Check == "introspection", finding.ToString());
        }
    }

    [Fact]
    public void Another_system_is_a_failure_and_its_kvm_is_not_asked_for()
    {
        _host.Platform = new PlatformFacts(false, "unknown", "Plan 9 on Arm64");
        Assert.Equal(DoctorStatus.Failure, _host.FindOne<PlatformCheck>().Status);
        Assert.Empty(_host.Find<KvmCheck>());
        Assert.Empty(_host.Find<IntrospectionCheck>());
        Assert.Empty(_host.Find<EmulatedCpuidCheck>());
        Assert.Empty(_host.Find<VsockCheck>());
    }

    [Fact]
    public void Root_is_noted()
    {
        _host.User = new UserFacts(0, "root", ulong.MaxValue);
        Assert.Equal(DoctorStatus.Note, _host.FindOne<UserCheck>().Status);
    }

    [Fact]
    public void Vsock_is_missed_only_by_who_wants_it()
    {
        _host.Files.Clear();
        Assert.Equal(DoctorStatus.Note, _host.FindOne<VsockCheck>().Status);
        Assert.Equal(DoctorStatus.Warning, _host.FindOne<VsockCheck>(new DoctorOptions { Listen = [Kvmi.Session.Endpoints.KvmiEndpoint.Parse("vsock:4321")] }).Status);
        _host.Files["/dev/vhost-vsock"] = new FileFacts(FileKind.Other);
        Assert.Equal(DoctorStatus.Ok, _host.FindOne<VsockCheck>().Status);
    }

    [Fact]
    public void Limits_that_are_too_low_say_how_to_raise_them()
    {
        _host.Limits[LimitKind.OpenFiles] = new LimitFacts(256, 4096);
        _host.Limits[LimitKind.LockedMemory] = new LimitFacts(65536, 65536);
        _host.Limits[LimitKind.RealTimePriority] = new LimitFacts(0, 0);
        var files = _host.FindOne<OpenFilesCheck>();
        Assert.Equal((DoctorStatus.Warning, "Raise it: ulimit -n 1024 (the hard limit is 4096)."), (files.Status, files.Advice));
        Assert.Equal(DoctorStatus.Note, _host.FindOne<LockedMemoryCheck>().Status);
        Assert.Equal(DoctorStatus.Note, _host.FindOne<RealTimeCheck>().Status);
    }

    [Fact]
    public void Capabilities_stand_in_for_limits()
    {
        _host.Limits[LimitKind.LockedMemory] = _host.Limits[LimitKind.RealTimePriority] = new LimitFacts(0, 0);
        _host.User = new UserFacts(1000, "kvmi", (1UL << UserFacts.LockMemory) | (1UL << UserFacts.Nice));
        Assert.Equal(DoctorStatus.Ok, _host.FindOne<LockedMemoryCheck>().Status);
        Assert.Equal(DoctorStatus.Ok, _host.FindOne<RealTimeCheck>().Status);
    }

    [Fact]
    public void A_single_processor_or_a_blocking_collector_is_warned_of()
    {
        _host.Runtime = _host.Runtime with { Processors = 1 };
        Assert.Equal(DoctorStatus.Warning, _host.FindOne<RuntimeCheck>().Status);
        _host.Runtime = _host.Runtime with { Processors = 2, IsConcurrentGc = false };
        Assert.Contains("gcConcurrent", _host.FindOne<RuntimeCheck>().Advice, StringComparison.Ordinal);
    }

    [Fact]
    public void A_clock_that_runs_backwards_is_a_failure()
    {
        var finding = _host.FindOne<ClockCheck>(time: new FakeClock(reading => reading == 100 ? -50 : 10));
        Assert.Equal((DoctorStatus.Failure, "The monotonic clock ran backwards 1 times in 20000 readings."), (finding.Status, finding.Found));
    }

    [Fact]
    public void A_clock_that_stands_still_is_a_failure() =>
        Assert.Equal("The monotonic clock stands still.", _host.FindOne<ClockCheck>(time: new FakeClock(_ => 0)).Found);

    [Fact]
    public void A_wall_clock_that_jumps_is_warned_of()
    {
        var finding = _host.FindOne<ClockCheck>(time: new FakeClock(_ => 10, TimeSpan.FromSeconds(3)));
        Assert.Equal(DoctorStatus.Warning, finding.Status);
        Assert.Contains("3000 ms apart", finding.Found, StringComparison.Ordinal);
        Assert.Equal(DoctorStatus.Warning, _host.FindOne<ClockCheck>(time: new FakeClock(_ => 10, TimeSpan.FromSeconds(-3))).Status);
    }

    [Fact]
    public void A_slow_clock_source_is_warned_of()
    {
        _host.Contents["/sys/devices/system/clocksource/clocksource0/current_clocksource"] = [.. "hpet\n"u8];
        Assert.Contains("hpet", _host.FindOne<ClockCheck>(time: new FakeClock(_ => 10)).Found, StringComparison.Ordinal);
        _host.Contents.Clear();
        Assert.Equal(DoctorStatus.Ok, _host.FindOne<ClockCheck>(time: new FakeClock(_ => 10)).Status);
    }
}
