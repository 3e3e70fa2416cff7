using System.Collections.Concurrent;
using Kvmi.Protocol.Events;
using Kvmi.Session.Vm;

namespace Kvmi.Session.Tests.Support;

internal delegate void EventHandlerOf(IIntrospectedVm vm, in EventFrame frame, ref EventReply reply);

internal delegate void NotificationHandlerOf(IIntrospectedVm vm, in EventFrame frame);

/// <summary>A handler whose members the test gives; it serves every VM of a server.</summary>
internal sealed class TestHandler : IVmHandlerFactory
{
    private readonly TaskCompletionSource<IIntrospectedVm> _attached = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private readonly TaskCompletionSource<DetachReason> _detached = new(TaskCreationOptions.RunContinuationsAsynchronously);

    public Action<IIntrospectedVm>? OnAttached { get; init; }

    public EventHandlerOf? OnEvent { get; init; }

    public NotificationHandlerOf? OnNotification { get; init; }

    public Action<IIntrospectedVm>? OnIdle { get; init; }

    public Action<IIntrospectedVm, DetachReason>? OnDetaching { get; init; }

    public EventHandlerOf? OnDeadline { get; init; }

    public Action<IIntrospectedVm>? OnReplaced { get; init; }

    public ConcurrentQueue<DetachReason> Detached { get; } = [];

    public Task<IIntrospectedVm> FirstAttached => _attached.Task.WaitAsync(TimeSpan.FromSeconds(20));

    public Task<DetachReason> FirstDetached => _detached.Task.WaitAsync(TimeSpan.FromSeconds(20));

    public IVmHandler Create(IIntrospectedVm vm) => new Handler(this, vm);

    private sealed class Handler(TestHandler test, IIntrospectedVm vm) : IVmHandler
    {
        public void Attached()
        {
            test.OnAttached?.Invoke(vm);
            test._attached.TrySetResult(vm);
        }

        public void OnEvent(in EventFrame frame, ref EventReply reply) => test.OnEvent?.Invoke(vm, in frame, ref reply);

        public void OnNotification(in EventFrame frame) => test.OnNotification?.Invoke(vm, in frame);

        public void Idle() => test.OnIdle?.Invoke(vm);

        public void OnDeadline(in EventFrame frame, ref EventReply reply) => test.OnDeadline?.Invoke(vm, in frame, ref reply);

        public void Replaced() => test.OnReplaced?.Invoke(vm);

        public void Detaching(DetachReason reason)
        {
            try
            {
                test.OnDetaching?.Invoke(vm, reason);
            }
            finally
            {
                test.Detached.Enqueue(reason);
                test._detached.TrySetResult(reason);
            }
        }
    }
}
