using Kvmi.Policy.Engine.Runtime;
using Kvmi.Protocol.Events;
using Kvmi.Session.Vm;

namespace Kvmi.Policy.Testing.Traces.Recording;

/// <summary>Passes everything on to the policies, and puts what they decided into the trace.</summary>
internal sealed class RecordingHandler : IVmHandler
{
    private readonly VmPolicyHandler _policies;
    private readonly RecordedConnection _connection;
    private readonly TraceRecorder _recorder;
    private uint _sequence;
    private ushort _vcpu;
    private long _started;
    private bool _open;

    public RecordingHandler(VmPolicyHandler policies, RecordedConnection connection, TraceRecorder recorder) =>
        (_policies, _connection, _recorder) = (policies, connection, recorder);

    public bool LendsThread => _policies.LendsThread;

    public void Attached() => _policies.Attached();

    public void OnEvent(in EventFrame frame, ref EventReply reply)
    {
        (_sequence, _vcpu, _started, _open) = (frame.Sequence, frame.Vcpu, _recorder.Timestamp(), true);
        _policies.OnEvent(in frame, ref reply);
        _open = false;
        _connection.Decided(_sequence, _vcpu, _started, _policies.LastOutcome);
    }

    public void OnNotification(in EventFrame frame) => _policies.OnNotification(in frame);

    public void Idle() => _policies.Idle();

    public void Detaching(DetachReason reason) => _policies.Detaching(reason);

    public void OnDeadline(in EventFrame frame, ref EventReply reply) => _policies.OnDeadline(in frame, ref reply);

    public void Replaced()
    {
        _policies.Replaced();
        if (_open)
        {
            // The thread that decided is lost; the policies have noted what answered in its place.
            _open = false;
            _connection.Decided(_sequence, _vcpu, _started, _policies.LastOutcome);
        }
    }
}
