using Kvmi.Policy.Engine.Decisions;
using Kvmi.Policy.Testing.Traces.Format;
using Kvmi.Policy.Testing.Traces.Records;
using Kvmi.Protocol.Dialects;
using Kvmi.Session;
using Kvmi.Session.Taps;
using Kvmi.Session.Vm;

namespace Kvmi.Policy.Testing.Traces.Recording;

/// <summary>One connection while it is recorded: what its threads put into the ring, and what the writer knows of it.</summary>
internal sealed class RecordedConnection : IConversationTap
{
    private readonly TraceRecorder _recorder;
    private TraceVm? _vm;
    private TraceDetached? _detached;
    private uint _lost;

    public RecordedConnection(TraceRecorder recorder, uint number, string peer)
    {
        (_recorder, Number, Peer) = (recorder, number, peer);
    }

    public uint Number { get; }

    public string Peer { get; }

    /// <summary>For the writer's thread: what finds guest memory in the messages; null until the VM is attached.</summary>
    public MemoryInMessages? Memory { get; private set; }

    public void Received(ReadOnlySpan<byte> message) => Put(TraceRecordKind.Message, (byte)MessageDirection.KernelToTool, message);

    public void Sent(ReadOnlySpan<byte> message) => Put(TraceRecordKind.Message, (byte)MessageDirection.ToolToKernel, message);

    public void Attached(VmStatus vm)
    {
        Volatile.Write(ref _vm, TracedVmRecord.Of(vm));
        Put(TraceRecordKind.Vm, 0, default);
    }

    public void Ended(DetachReason? reason, string? detail)
    {
        Volatile.Write(ref _detached, new TraceDetached { Reason = reason?.ToString() ?? "", Detail = detail });
        Put(TraceRecordKind.Detached, 0, default);
        _recorder.Closed(this);
    }

    /// <summary>An event was decided. On the thread that decided.</summary>
    public void Decided(uint sequence, ushort vcpu, long started, EventOutcome outcome)
    {
        if (_recorder.IsEnded)
        {
            return;
        }

        Span<byte> body = stackalloc byte[DecisionBody.MaxLength];
        var length = DecisionBody.Write(body, sequence, vcpu, _recorder.Nanoseconds(started), outcome);
        Put(TraceRecordKind.Decision, 0, body[..length]);
    }

    /// <summary>For the writer's thread: the VM's record, once, however full the ring was.</summary>
    public TraceVm? TakeVm()
    {
        var vm = Interlocked.Exchange(ref _vm, null);
        if (vm is not null && Dialect.All.FirstOrDefault(dialect => dialect.Name == vm.Dialect) is { } dialect)
        {
            Memory = new MemoryInMessages(dialect);
        }

        return vm;
    }

    /// <summary>For the writer's thread: how the connection ended, once.</summary>
    public TraceDetached? TakeDetached() => Interlocked.Exchange(ref _detached, null);

    /// <summary>For the writer's thread: entries that were lost behind the last one.</summary>
    public uint TakeLost() => Interlocked.Exchange(ref _lost, 0);

    private void Put(TraceRecordKind kind, byte direction, ReadOnlySpan<byte> payload)
    {
        if (_recorder.IsEnded)
        {
            return;
        }

        // What was lost so far travels with the next entry that finds room, so that the gap stands where it was.
        var lost = Volatile.Read(ref _lost) == 0 ? 0 : Interlocked.Exchange(ref _lost, 0);
        if (!_recorder.TryPut(new TraceRingEntry(kind, direction, Number, _recorder.Timestamp(), lost), payload))
        {
            Interlocked.Add(ref _lost, lost + (kind is TraceRecordKind.Message or TraceRecordKind.Decision ? 1u : 0));
        }
    }
}
