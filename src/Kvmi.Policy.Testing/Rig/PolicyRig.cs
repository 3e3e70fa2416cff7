using Kvmi.Policy.Engine;
using Kvmi.Policy.Engine.Decisions;
using Kvmi.Policy.Engine.Generations;
using Kvmi.Policy.Engine.Output;
using Kvmi.Policy.Engine.Runtime;
using Kvmi.Policy.Engine.Summary;
using Kvmi.Protocol;
using Kvmi.Protocol.Dialects;
using Kvmi.Protocol.Events;
using Kvmi.Session.Vm;

namespace Kvmi.Policy.Testing.Rig;

/// <summary>
/// The real engine around one VM without a connection: event messages go in, the reply that would be sent comes out. It is the
/// owner thread's part, so one thread at a time uses it.
/// </summary>
public sealed class PolicyRig : IDisposable
{
    private const uint EventHash = 0x5eed;
    private readonly OutputRecorder _recorder = new();
    private readonly PolicyEngine _engine;
    private readonly VmPolicyHandler _handler;
    private readonly Dialect _dialect;

    /// <summary>Attaches the VM to an engine with these policies.</summary>
    /// <param name="generation">The policies; the rig takes over the caller's hold on it.</param>
    /// <param name="vm">The VM, for instance a <see cref="Guests.FakeVm"/>.</param>
    /// <param name="time">Clock of the engine.</param>
    /// <exception cref="NotSupportedException">This build does not speak the VM's dialect.</exception>
    public PolicyRig(Generation generation, IIntrospectedVm vm, TimeProvider time)
    {
        ArgumentNullException.ThrowIfNull(generation);
        ArgumentNullException.ThrowIfNull(vm);
        _dialect = Dialect.Find(vm.Capabilities.Dialect)
            ?? throw new NotSupportedException($"This build does not speak the dialect {vm.Capabilities.Dialect}.");
        _engine = new PolicyEngine(new PolicyEngineOptions { Output = _recorder, TimeProvider = time, HashSeed = EventHash });
        try
        {
            _engine.Swap(generation);
            _handler = (VmPolicyHandler)_engine.Create(vm);
            _handler.Attached();
        }
        catch
        {
            _engine.Dispose();
            throw;
        }
    }

    /// <summary>How the last event was decided.</summary>
    public EventOutcome Outcome => _handler.LastOutcome;

    /// <summary>Access in force on a page: the intersection of the policies' wishes.</summary>
    public PageAccess PageAccess(ulong gpa) => _handler.PageAccess(gpa);

    /// <summary>Decides about one event message.</summary>
    /// <param name="message">The whole message.</param>
    /// <param name="reply">Where the reply goes.</param>
    /// <returns>Bytes of the reply; 0 for an event that expects none.</returns>
    /// <exception cref="ArgumentException">The message is no event of the dialect.</exception>
    public int Decide(ReadOnlySpan<byte> message, Span<byte> reply)
    {
        var status = _dialect.ReadEvent(message, out var frame);
        if (status != DecodeStatus.Ok)
        {
            throw new ArgumentException($"The message is no event: {status}.", nameof(message));
        }

        if (!_dialect.ExpectsReply(frame.Kind))
        {
            _handler.OnNotification(in frame);
            return 0;
        }

        var answer = new EventReply { NewValue = frame.NewValue };
        _handler.OnEvent(in frame, ref answer);
        return _dialect.WriteEventReply(reply, frame.Sequence, frame.Vcpu, frame.Kind, in answer);
    }

    /// <summary>Alerts, records, decisions and status lines since the last call.</summary>
    public IReadOnlyList<OutputRecord> TakeOutput()
    {
        _engine.Flush();
        return _recorder.Take();
    }

    /// <summary>What the policies did so far.</summary>
    public EngineSummary Summary()
    {
        // Alerts are counted when the output thread has decided about them.
        _engine.Flush();
        return _engine.GetSummary();
    }

    /// <summary>Detaches the VM, gives back what the policies took, and ends the engine.</summary>
    public void Dispose()
    {
        _handler.Detaching(DetachReason.Stopping);
        _engine.Dispose();
    }
}
