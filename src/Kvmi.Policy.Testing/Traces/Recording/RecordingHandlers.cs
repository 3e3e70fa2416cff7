using Kvmi.Session.Vm;

namespace Kvmi.Policy.Testing.Traces.Recording;

/// <summary>Handlers of a factory whose decisions are recorded.</summary>
internal sealed class RecordingHandlers : IVmHandlerFactory
{
    private readonly IVmHandlerFactory _inner;
    private readonly TraceRecorder _recorder;

    public RecordingHandlers(IVmHandlerFactory inner, TraceRecorder recorder) => (_inner, _recorder) = (inner, recorder);

    public IVmHandler Create(IIntrospectedVm vm)
    {
        var handler = _inner.Create(vm);
        return handler is Engine.Runtime.VmPolicyHandler policies && _recorder.Find(vm.Identity.Peer) is { } connection
            ? new RecordingHandler(policies, connection, _recorder)
            : handler;
    }
}
