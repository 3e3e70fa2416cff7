using Kvmi.Policy.Engine;
using Kvmi.Policy.Engine.Decisions;
using Kvmi.Policy.Engine.Generations;
using Kvmi.Policy.Engine.Output;
using Kvmi.Policy.Engine.Runtime;
using Kvmi.Policy.Engine.Scripting.Coverage;
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
    private VmPolicyHandler? _handler;
    private VmPolicyHandler _last = null!;
    private Dialect _dialect = null!;
    private readonly ScriptCoverage? _coverage;

    /// <summary>Attaches the VM to an engine with these policies.</summary>
    /// <param name="generation">The policies; the rig takes over the caller's hold on it.</param>
    /// <param name="vm">The VM, for instance a <see cref="Guests.FakeVm"/>.</param>
    /// <param name="time">Clock of the engine.</param>
    /// <exception cref="NotSupportedException">This build does not speak the VM's dialect.</exception>
    public PolicyRig(Generation generation, IIntrospectedVm vm, TimeProvider time)
    {
        ArgumentNullException.ThrowIfNull(generation);
        ArgumentNullException.ThrowIfNull(vm);
        RequireDialect(vm);
        _coverage = generation.Coverage;
        _engine = new PolicyEngine(new PolicyEngineOptions { Output = _recorder, TimeProvider = time, HashSeed = EventHash });
        try
        {
            _engine.Swap(generation);
            Attach(vm);
        }
        catch
        {
            _engine.Dispose();
            throw;
        }
    }

    /// <summary>How the last event was decided.</summary>
    public EventOutcome Outcome => _last.LastOutcome;

    /// <summary>What the policies hold of the VM; all zero while none is attached.</summary>
    public LeaseCounts Leases => _engine.GetVms() is [var vm, ..] ? vm.Leases : new LeaseCounts(0, 0, 0, 0);

    /// <summary>Access in force on a page: the intersection of the policies' wishes.</summary>
    public PageAccess PageAccess(ulong gpa) => _last.PageAccess(gpa);

    /// <summary>The instance of a policy in service that is of a type; null when there is none.</summary>
    /// <typeparam name="T">Class of the policy, or an interface that it has.</typeparam>
    public T? Find<T>()
        where T : class => _handler?.Find<T>();

    /// <summary>Attaches a VM after the one before was detached.</summary>
    /// <exception cref="InvalidOperationException">A VM is attached.</exception>
    /// <exception cref="NotSupportedException">This build does not speak the VM's dialect.</exception>
    public void Attach(IIntrospectedVm vm)
    {
        ArgumentNullException.ThrowIfNull(vm);
        if (_handler is not null)
        {
            throw new InvalidOperationException("A VM is attached: detach it first.");
        }

        _dialect = RequireDialect(vm);
        _last = (VmPolicyHandler)_engine.Create(vm);
        _handler = _last;
        _handler.Attached();
    }

    /// <summary>Detaches the VM; the policies give back what they hold of it.</summary>
    /// <exception cref="InvalidOperationException">No VM is attached.</exception>
    public void Detach()
    {
        var handler = Handler;
        _handler = null;
        handler.Detaching(DetachReason.Stopping);
    }

    /// <summary>Decides about one event message.</summary>
    /// <param name="message">The whole message.</param>
    /// <param name="reply">Where the reply goes.</param>
    /// <returns>Bytes of the reply; 0 for an event that expects none.</returns>
    /// <exception cref="ArgumentException">The message is no event of the dialect.</exception>
    /// <exception cref="InvalidOperationException">No VM is attached.</exception>
    public int Decide(ReadOnlySpan<byte> message, Span<byte> reply)
    {
        var handler = Handler;
        var status = _dialect.ReadEvent(message, out var frame);
        if (status != DecodeStatus.Ok)
        {
            throw new ArgumentException($"The message is no event: {status}.", nameof(message));
        }

        if (!_dialect.ExpectsReply(frame.Kind))
        {
            handler.OnNotification(in frame);
            _coverage?.Count(handler.LastOutcome);
            return 0;
        }

        var answer = new EventReply { NewValue = frame.NewValue };
        handler.OnEvent(in frame, ref answer);
        _coverage?.Count(handler.LastOutcome);
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
        _handler?.Detaching(DetachReason.Stopping);
        _handler = null;
        _engine.Dispose();
    }

    private VmPolicyHandler Handler => _handler ?? throw new InvalidOperationException("No VM is attached.");

    private static Dialect RequireDialect(IIntrospectedVm vm) => Dialect.Find(vm.Capabilities.Dialect)
        ?? throw new NotSupportedException($"This build does not speak the dialect {vm.Capabilities.Dialect}.");
}
