using System.Globalization;
using Kvmi.Policy.Engine;
using Kvmi.Policy.Engine.Generations;
using Kvmi.Policy.Engine.Output;
using Kvmi.Policy.Engine.Scripting.Coverage;
using Kvmi.Policy.Engine.Runtime;
using Kvmi.Policy.Engine.Summary;
using Kvmi.Policy.Testing.Replay.Traces;
using Kvmi.Policy.Testing.Rig;
using Kvmi.Policy.Testing.Traces;
using Kvmi.Policy.Testing.Traces.Records;
using Kvmi.Protocol;
using Kvmi.Protocol.Dialects;
using Kvmi.Protocol.Events;
using Kvmi.Protocol.Registers;
using Kvmi.Session.Vm;

namespace Kvmi.Policy.Testing.Replay;

/// <summary>
/// Feeds the events of a trace to policies, through the real engine, in the order in which they were decided, with the clock of the trace and
/// with all of its VMs. An event that was never answered is not replayed. One thread; once.
/// </summary>
public sealed class TraceReplay : IDisposable
{
    private const int LargestMessage = 8 + ushort.MaxValue;
    private const int MaxVcpus = 1024;
    private const uint EventHash = 0x5eed;
    private const long NanosecondsPerTick = 100;
    private readonly TraceFile _file;
    private readonly bool _loose;
    private readonly ManualClock _clock;
    private readonly OutputRecorder _output = new();
    private readonly PolicyEngine _engine;
    private readonly ScriptCoverage? _coverage;
    private readonly Dictionary<uint, TracedConversation> _open = [];
    private readonly Dictionary<uint, RecordedCommands> _commands = [];
    private readonly SortedDictionary<string, TracePolicy> _policies = new(StringComparer.Ordinal);
    private readonly List<string> _problems = [];
    private readonly List<string> _notRecorded = [];
    private readonly byte[] _reply = new byte[LargestMessage];
    private long _now;

    /// <summary>Prepares a replay.</summary>
    /// <param name="file">The trace; the caller disposes it after the replay.</param>
    /// <param name="generation">The policies; the replay takes over the caller's hold on it.</param>
    /// <param name="loose">True: what the trace does not hold is unreadable for the policy, and not reported.</param>
    public TraceReplay(TraceFile file, Generation generation, bool loose = false)
    {
        ArgumentNullException.ThrowIfNull(file);
        ArgumentNullException.ThrowIfNull(generation);
        (_file, _loose) = (file, loose);
        _clock = new ManualClock(file.Start);
        _coverage = generation.Coverage;

        // Without a cache every call asks: the trace holds what was asked for, whether the run remembered pages or not.
        _engine = new PolicyEngine(new PolicyEngineOptions { Output = _output, TimeProvider = _clock, HashSeed = EventHash, MemoryCachePages = 0 });
        _engine.Swap(generation);
    }

    /// <summary>What is wrong with the trace itself, one sentence each. Complete after the last step.</summary>
    public IReadOnlyList<string> Problems => [.. _file.Problems, .. _problems];

    /// <summary>What policies asked for outside events and the trace does not hold. Complete after the last step.</summary>
    public IReadOnlyList<string> NotRecorded => _notRecorded;

    /// <summary>Records that are missing in the trace, because the disk was slower than the events.</summary>
    public long Lost { get; private set; }

    /// <summary>Events that were never answered, and so not replayed.</summary>
    public long Unanswered { get; private set; }

    /// <summary>Policies that were live when the trace was recorded, the last of each id.</summary>
    public IReadOnlyCollection<TracePolicy> Policies => _policies.Values;

    /// <summary>Output after the last step: what policies said when their VMs went away. Empty before.</summary>
    public IReadOnlyList<OutputRecord> EndOutput { get; private set; } = [];

    /// <summary>What the policies did so far.</summary>
    public EngineSummary Summary() => _engine.GetSummary();

    /// <summary>Replays the events one after the other. The output of a step includes what was written since the step before.</summary>
    /// <exception cref="TraceException">The records of the trace contradict themselves.</exception>
    public IEnumerable<ReplayStep> Run()
    {
        Learn();
        foreach (var record in _file.Records())
        {
            if (Take(record) is { } step)
            {
                yield return step;
            }
        }

        foreach (var conversation in _open.Values.ToList())
        {
            Unanswered += conversation.Events.Count;
            Detach(conversation, DetachReason.Stopping);
        }

        _open.Clear();
        _engine.Flush();
        EndOutput = _output.Take();
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        foreach (var conversation in _open.Values)
        {
            Detach(conversation, DetachReason.Stopping);
        }

        _open.Clear();
        _engine.Dispose();
    }

    // Which interceptions the recording ever had: the first look at it.
    private void Learn()
    {
        foreach (var record in _file.Records())
        {
            if (record is TraceVm vm && Find(vm) is { } dialect)
            {
                _commands.TryAdd(vm.Connection, new RecordedCommands(dialect));
            }
            else if (_commands.TryGetValue(record.Connection, out var commands))
            {
                commands.Learn(record);
            }
        }
    }

    private static Dialect? Find(TraceVm vm) => Dialect.All.FirstOrDefault(dialect => dialect.Name == vm.Dialect);

    private ReplayStep? Take(TraceRecord record)
    {
        switch (record)
        {
            case TraceVm vm: Open(vm); return null;
            case TracePolicy policy: _policies[policy.Id] = policy; return null;
            case TraceGap gap: Lost += Math.Max(0, gap.Lost); return null;
            default: break;
        }

        if (!_open.TryGetValue(record.Connection, out var conversation))
        {
            return null;
        }

        switch (record)
        {
            case TraceDecision decision:
                conversation.Decisions[decision.Sequence] = decision;
                return null;
            case TraceDetached detached:
                Unanswered += conversation.Events.Count;
                Advance(detached.Nanoseconds);
                Detach(conversation, Enum.TryParse<DetachReason>(detached.Reason, out var reason) ? reason : DetachReason.PeerLost);
                _open.Remove(record.Connection);
                return null;
            case TraceMessage message:
                return Take(conversation, message);
            default:
                return null;
        }
    }

    private void Open(TraceVm vm)
    {
        if (Find(vm) is not { } dialect)
        {
            _problems.Add(string.Create(
                CultureInfo.InvariantCulture, $"record {vm.Number}: VM '{vm.Name}' speaks '{vm.Dialect}', which this version does not; it is left out."));
            return;
        }

        if (_open.ContainsKey(vm.Connection) || !_commands.TryGetValue(vm.Connection, out var commands))
        {
            _problems.Add(string.Create(CultureInfo.InvariantCulture, $"record {vm.Number}: the VM of connection {vm.Connection} stands in the trace twice."));
            return;
        }

        var traced = new TracedVm(vm with { Vcpus = Math.Clamp(vm.Vcpus, 1, MaxVcpus) }, dialect, commands, _loose);
        _open.Add(vm.Connection, new TracedConversation
        {
            Dialect = dialect,
            Vm = traced,
            Commands = commands,
            Handler = (VmPolicyHandler)_engine.Create(traced),
        });
    }

    private ReplayStep? Take(TracedConversation conversation, TraceMessage message)
    {
        if (!MessageHeader.TryRead(message.Bytes, out var header) || header.MessageLength != message.Bytes.Length)
        {
            return null;
        }

        switch (conversation.Dialect.Classify(message.Direction, header.Id))
        {
            case MessageRole.Event:
                if (message.Event != 0)
                {
                    conversation.Events[header.Sequence] = message;
                }

                return null;
            case MessageRole.Command:
                conversation.Commands.Command(in header, message);
                return null;
            case MessageRole.CommandReply:
                conversation.Commands.Answer(in header, message);
                return null;
            case MessageRole.EventReply when conversation.Events.Remove(header.Sequence, out var happening):
                conversation.Decisions.Remove(header.Sequence, out var decision);
                return Replay(conversation, happening, message, decision);
            default:
                return null;
        }
    }

    private ReplayStep? Replay(TracedConversation conversation, TraceMessage happening, TraceMessage answer, TraceDecision? decision)
    {
        var dialect = conversation.Dialect;
        if (dialect.ReadEvent(happening.Bytes, out var frame) != DecodeStatus.Ok || frame.Vcpu >= MaxVcpus)
        {
            _problems.Add(string.Create(CultureInfo.InvariantCulture, $"record {happening.Number}: the event cannot be read."));
            return null;
        }

        Attach(conversation);
        Advance(decision?.Started ?? happening.Nanoseconds);
        conversation.Vm.Begin(
            frame.Vcpu, new VcpuState { Mode = frame.Mode, View = frame.View, Regs = frame.Regs, Sregs = frame.Sregs, Msrs = frame.Msrs });
        var reply = new EventReply { NewValue = frame.NewValue };
        conversation.Handler.OnEvent(in frame, ref reply);
        conversation.Vm.End();
        var length = dialect.WriteEventReply(_reply, frame.Sequence, frame.Vcpu, frame.Kind, in reply);
        var outcome = conversation.Handler.LastOutcome;
        _coverage?.Count(outcome);
        var notRecorded = conversation.Vm.TakeNotRecorded();

        // Its policies were cut off in the middle, so the trace cannot hold what they would have asked for.
        var isLate = decision is null && conversation.Commands.WasLate(happening.Event);
        _engine.Flush();
        var step = new ReplayStep
        {
            Line = (int)Math.Min(happening.Number, int.MaxValue),
            EventNumber = happening.Event,
            Vm = conversation.Name,
            Sequence = frame.Sequence,
            Vcpu = frame.Vcpu,
            Event = frame.Kind,
            Subject = ReplyComparison.Subject(in frame),
            Decision = outcome.Decision,
            Value = outcome.Value,
            Exception = outcome.Exception,
            Policy = outcome.Winner,
            WouldHave = outcome.WouldHave,
            Reason = outcome.Reason,
            Recorded = decision,
            WasLate = isLate,
            Reply = _reply.AsSpan(0, length).ToArray(),
            Match = ReplyMatch.None,
            NotRecorded = isLate ? [] : notRecorded,
            Output = _output.Take(),
        };
        return ReplyComparison.Compare(dialect, step, answer.Bytes);
    }

    /// <summary>Policies attach with the first decided event: by then the trace has told what they read when they were attached.</summary>
    private void Attach(TracedConversation conversation)
    {
        if (!conversation.IsAttached)
        {
            conversation.IsAttached = true;
            conversation.Handler.Attached();
            NoteMissing(conversation, "when it was attached");
        }
    }

    private void Detach(TracedConversation conversation, DetachReason reason)
    {
        Attach(conversation);
        conversation.Handler.Detaching(reason);
        NoteMissing(conversation, "when it went away");
    }

    private void NoteMissing(TracedConversation conversation, string when) =>
        _notRecorded.AddRange(conversation.Vm.TakeNotRecorded().Select(what => $"{conversation.Name}, {when}: {what}"));

    private void Advance(long nanoseconds)
    {
        if (nanoseconds > _now)
        {
            _clock.Advance(TimeSpan.FromTicks((nanoseconds / NanosecondsPerTick) - (_now / NanosecondsPerTick)));
            _now = nanoseconds;
        }
    }
}
