using BenchmarkDotNet.Attributes;
using Kvmi.Session.Deadlines;
using Microsoft.Extensions.Logging.Abstractions;

namespace Kvmi.Benchmarks.Micro;

/// <summary>What the deadlines cost an event and each call of a policy, with a live watchdog that looks every millisecond.</summary>
public class WatchdogClaim
{
    private Watchdog _watchdog = null!;
    private VmCustody _custody = null!;

    [GlobalSetup]
    public void SetUp()
    {
        _watchdog = new Watchdog(new DeadlineLimits(TimeSpan.FromSeconds(60), TimeSpan.FromSeconds(60), 16), TimeProvider.System, NullLogger.Instance);
        _watchdog.Start();
        _custody = new VmCustody(_watchdog, TimeProvider.System);
        _watchdog.Add(_custody, new NoVm(_custody));
    }

    [GlobalCleanup]
    public void CleanUp() => _watchdog.Dispose();

    [Benchmark]
    public void Event()
    {
        _custody.BeginEvent(TimeProvider.System.GetTimestamp());
        _custody.EndEvent();
    }

    [Benchmark]
    public bool Call()
    {
        _custody.Lend(TimeSpan.FromSeconds(60));
        return _custody.Reclaim();
    }

    [Benchmark]
    public long Clock() => TimeProvider.System.GetTimestamp();

    private sealed class NoVm(VmCustody custody) : IWatchedVm
    {
        public VmCustody Custody => custody;

        public bool HasLateReplies(long now) => false;

        public void TrySendReplies()
        {
        }

        public bool TryAnswer() => true;

        public void Replace(bool giveUp)
        {
        }
    }
}
