using Kvmi.Policy.Engine.Generations;
using Kvmi.Policy.Engine.Output;
using Kvmi.Policy.Engine.Summary;
using Kvmi.Policy.Testing.Rig;
using Kvmi.Protocol;
using Kvmi.Protocol.Captures;
using Kvmi.Protocol.Dialects;
using Kvmi.Protocol.Registers;

namespace Kvmi.Policy.Testing.Replay;

/// <summary>
/// Feeds the events of a recorded conversation to policies, through the real engine, and compares the replies. Strict: what a
/// policy asks for and the recording does not hold is unreadable for it, and is reported.
/// </summary>
public sealed class CaptureReplay : IDisposable
{
    private const int LargestMessage = 8 + ushort.MaxValue;
    private readonly Dialect _dialect;
    private readonly Recording _recording;
    private readonly RecordedVm _vm;
    private readonly PolicyRig _rig;
    private readonly ManualClock _clock = new();
    private readonly byte[] _reply = new byte[LargestMessage];

    /// <summary>Reads a capture and attaches its VM to the policies.</summary>
    /// <param name="name">Name of the capture; becomes the VM's name.</param>
    /// <param name="entries">Entries of the capture.</param>
    /// <param name="dialect">Its dialect.</param>
    /// <param name="generation">The policies; the replay takes over the caller's hold on it.</param>
    /// <exception cref="NotSupportedException">This build does not speak the dialect.</exception>
    public CaptureReplay(string name, IEnumerable<HexCaptureEntry> entries, KvmiDialect dialect, Generation generation)
    {
        _dialect = Dialect.Find(dialect) ?? throw new NotSupportedException($"This build does not speak the dialect {dialect}.");
        _recording = Recording.Read(entries, dialect);
        _vm = new RecordedVm(name, dialect, _recording.VcpuCount);
        _rig = new PolicyRig(generation, _vm, _clock);
        _vm.TakeNotRecorded();
        AttachOutput = _rig.TakeOutput();
    }

    /// <summary>What the policies wrote when they were attached: refusals for instance.</summary>
    public IReadOnlyList<OutputRecord> AttachOutput { get; }

    /// <summary>Events and lines of the capture that could not be understood.</summary>
    public IReadOnlyList<string> Problems => _recording.Problems;

    /// <summary>Events in the recording.</summary>
    public int EventCount => _recording.Events.Count;

    /// <summary>What the policies did so far.</summary>
    public EngineSummary Summary() => _rig.Summary();

    /// <summary>Replays the events one after the other.</summary>
    public IEnumerable<ReplayStep> Run()
    {
        foreach (var recorded in _recording.Events)
        {
            _clock.Advance(TimeSpan.FromMilliseconds(1));
            if (Replay(recorded) is { } step)
            {
                yield return step;
            }
        }
    }

    /// <inheritdoc/>
    public void Dispose() => _rig.Dispose();

    private ReplayStep? Replay(RecordedEvent recorded)
    {
        foreach (var (gpa, data) in recorded.Reads)
        {
            _vm.Memory.Write(gpa, data);
        }

        if (_dialect.ReadEvent(recorded.Message, out var frame) != DecodeStatus.Ok)
        {
            _recording.Problems.Add($"line {recorded.Line}: the event cannot be read");
            return null;
        }

        var kind = frame.Kind;
        var (vcpu, wanted, subject) = (frame.Vcpu, frame.NewValue, ReplyComparison.Subject(in frame));
        if (_dialect.ExpectsReply(kind))
        {
            _vm.SetState(
                vcpu, new VcpuState { Mode = frame.Mode, View = frame.View, Regs = frame.Regs, Sregs = frame.Sregs, Msrs = frame.Msrs });
        }

        var length = _rig.Decide(recorded.Message, _reply);
        if (length == 0)
        {
            return null;
        }

        var reply = _reply.AsSpan(0, length).ToArray();
        var outcome = _rig.Outcome;
        var isRegister = kind is EventKind.Cr or EventKind.Msr;
        var step = new ReplayStep
        {
            Line = recorded.Line,
            Sequence = recorded.Sequence,
            Vcpu = vcpu,
            Event = kind,
            Subject = subject,
            Decision = outcome.Decision,
            Value = isRegister ? outcome.Value ?? wanted : null,
            Exception = outcome.Exception,
            Policy = outcome.Winner,
            WouldHave = outcome.WouldHave,
            Reason = outcome.Reason,
            Reply = reply,
            Match = ReplyMatch.None,
            NotRecorded = _vm.TakeNotRecorded(),
            Output = _rig.TakeOutput(),
        };
        return recorded.Reply is { } then ? ReplyComparison.Compare(_dialect, step, then) : step;
    }
}
