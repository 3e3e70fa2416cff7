using System.Collections.Concurrent;
using Kvmi.Protocol.Events;
using Kvmi.Session.Vm;

namespace Kvmi.Policy.Engine.Tests.Leases.Simulated;

/// <summary>Between session and engine: counts what the engine is told, and looks at the machine the moment after the engine has given back, before any kernel cleans up.</summary>
internal sealed class WatchedVm : IVmHandlerFactory
{
    private readonly PolicyEngine _engine;
    private readonly Func<IEnumerable<string>> _look;
    private readonly ConcurrentQueue<(Action<IIntrospectedVm> Action, TaskCompletionSource Done)> _asked = [];
    private long _calls;
    private int _attached;
    private int _detached;

    public WatchedVm(PolicyEngine engine, Func<IEnumerable<string>> look)
    {
        _engine = engine;
        _look = look;
    }

    /// <summary>Calls of OnEvent and Idle.</summary>
    public long Calls => Interlocked.Read(ref _calls);

    public int Attached => Volatile.Read(ref _attached);

    public int Detached => Volatile.Read(ref _detached);

    public ConcurrentQueue<DetachReason> Reasons { get; } = [];

    /// <summary>What was still there when the engine said that everything is given back.</summary>
    public ConcurrentQueue<string> Remains { get; } = [];

    public IVmHandler Create(IIntrospectedVm vm) => new Handler(this, vm, _engine.Create(vm));

    /// <summary>Runs something on the owner thread.</summary>
    public Task OnOwnerAsync(Action<IIntrospectedVm> action)
    {
        var done = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        _asked.Enqueue((action, done));
        return done.Task;
    }

    private sealed class Handler(WatchedVm watched, IIntrospectedVm vm, IVmHandler inner) : IVmHandler
    {
        public bool LendsThread => inner.LendsThread;

        public void OnDeadline(in EventFrame frame, ref EventReply reply) => inner.OnDeadline(in frame, ref reply);

        public void Replaced() => inner.Replaced();

        public void Attached()
        {
            inner.Attached();
            Interlocked.Increment(ref watched._attached);
        }

        public void OnEvent(in EventFrame frame, ref EventReply reply)
        {
            inner.OnEvent(in frame, ref reply);
            Called();
        }

        public void OnNotification(in EventFrame frame) => inner.OnNotification(in frame);

        public void Idle()
        {
            inner.Idle();
            Called();
        }

        public void Detaching(DetachReason reason)
        {
            inner.Detaching(reason);
            watched.Reasons.Enqueue(reason);
            if (reason is DetachReason.Stopping or DetachReason.Unhook)
            {
                foreach (var difference in watched._look())
                {
                    watched.Remains.Enqueue($"{reason}: {difference}");
                }
            }

            Interlocked.Increment(ref watched._detached);
        }

        private void Called()
        {
            while (watched._asked.TryDequeue(out var asked))
            {
                asked.Action(vm);
                asked.Done.TrySetResult();
            }

            Interlocked.Increment(ref watched._calls);
        }
    }
}
