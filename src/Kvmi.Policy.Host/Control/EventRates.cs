using Kvmi.Session;

namespace Kvmi.Policy.Host.Control;

/// <summary>Events per second of each VM and of all, over the last full second. Looks once a second at counters that are there anyway.</summary>
internal sealed class EventRates : IDisposable
{
    private static readonly TimeSpan Interval = TimeSpan.FromSeconds(1);
    private readonly KvmiServer _server;
    private readonly TimeProvider _time;
    private readonly ITimer _timer;
    private Look _look;
    private volatile Rates _rates = new(0, []);

    public EventRates(KvmiServer server, TimeProvider time)
    {
        _server = server;
        _time = time;
        _look = TakeLook();
        _timer = time.CreateTimer(_ => Update(), null, Interval, Interval);
    }

    /// <summary>On all VMs together.</summary>
    public double Total => _rates.Total;

    /// <summary>On one VM; 0 before its first second.</summary>
    public double Of(VmStatus vm) => _rates.Vms.GetValueOrDefault(vm);

    public void Dispose() => _timer.Dispose();

    private void Update()
    {
        var next = TakeLook();
        var before = Interlocked.Exchange(ref _look, next);
        var seconds = _time.GetElapsedTime(before.At, next.At).TotalSeconds;
        if (seconds > 0)
        {
            _rates = new Rates(
                Math.Max(0, next.Total - before.Total) / seconds,
                next.Vms.Where(vm => before.Vms.ContainsKey(vm.Key)).ToDictionary(vm => vm.Key, vm => (vm.Value - before.Vms[vm.Key]) / seconds));
        }
    }

    private Look TakeLook() => new(_time.GetTimestamp(), _server.EventsAnswered, _server.Vms.ToDictionary(vm => vm, vm => vm.Counters.Events));

    private sealed record Look(long At, long Total, Dictionary<VmStatus, long> Vms);

    private sealed record Rates(double Total, Dictionary<VmStatus, double> Vms);
}
