using Kvmi.Protocol;
using Kvmi.Protocol.Commands;
using Kvmi.Protocol.Dialects;
using Kvmi.Protocol.Events;
using Kvmi.Session.Vm;

namespace Kvmi.Conformance.Tests.Captures;

/// <summary>
/// Does with the tool's API what the tool of a capture did: the same commands before, inside and between the events, the same decisions. Compares
/// what each command gives back with the captured reply.
/// </summary>
internal sealed class CaptureHandler : IVmHandlerFactory, IVmHandler
{
    private readonly CaptureScript _script;
    private readonly List<CaptureStep> _mine;
    private IIntrospectedVm? _vm;
    private int _next;
    private int _eventsSeen;

    public CaptureHandler(CaptureScript script)
    {
        _script = script;
        _mine = [.. script.Played.Where(step => step.Role is MessageRole.Command or MessageRole.EventReply)];
    }

    /// <summary>Completes when commands work.</summary>
    public TaskCompletionSource AttachedToVm { get; } = new(TaskCreationOptions.RunContinuationsAsynchronously);

    /// <summary>What differed from the capture.</summary>
    public List<string> Differences { get; } = [];

    public int CommandsIssued { get; private set; }

    public IVmHandler Create(IIntrospectedVm vm)
    {
        _vm = vm;
        return this;
    }

    public void Attached()
    {
        AttachedToVm.SetResult();
        IssueDue();
    }

    public void OnEvent(in EventFrame frame, ref EventReply reply)
    {
        _eventsSeen++;
        var answer = _script.Steps.FirstOrDefault(AnswersThis(frame.Sequence));
        while (_next < _mine.Count && _mine[_next].Role == MessageRole.Command && IsDue(_mine[_next]) && answer is not null && IsBefore(_mine[_next], answer))
        {
            Issue(_mine[_next++]);
        }

        if (answer is null)
        {
            return;
        }

        _mine.Remove(answer);
        var status = _script.Dialect.ReadEventReply(answer.Bytes, frame.Kind, out _, out _, out var captured);
        if (status != CommandStatus.Ok)
        {
            Differences.Add($"{answer}: the captured reply cannot be read ({status})");
            return;
        }

        reply = captured;
    }

    public void OnNotification(in EventFrame frame) => _eventsSeen++;

    public void Idle() => IssueDue();

    public void Detaching(DetachReason reason)
    {
        if (reason == DetachReason.Unhook)
        {
            _eventsSeen++;
            IssueDue();
        }

        Differences.AddRange(_mine.Skip(_next).Select(step => $"{step}: not reached before the end ({reason})"));
    }

    private static Func<CaptureStep, bool> AnswersThis(uint sequence) =>
        step => step.Role == MessageRole.EventReply && step.Header.Sequence == sequence;

    private static bool IsBefore(CaptureStep command, CaptureStep answer) => command.Entry.Line < answer.Entry.Line;

    // A command that came behind an event in the capture waits for that event here too.
    private bool IsDue(CaptureStep command) => command.EventsBefore <= _eventsSeen;

    private void IssueDue()
    {
        while (_next < _mine.Count && _mine[_next].Role == MessageRole.Command && IsDue(_mine[_next]))
        {
            Issue(_mine[_next++]);
        }
    }

    private void Issue(CaptureStep command)
    {
        CommandsIssued++;
        var (error, data) = command.Issue!.Run(_vm!);
        var captured = command.Reply!;
        var status = _script.Dialect.ReadReply(captured.Payload, out KvmiError expected, out var expectedData);
        if (status != DecodeStatus.Ok || error != expected)
        {
            Differences.Add($"{command}: gave {error}, the captured reply says {expected} ({status})");
        }
        else if (error == KvmiError.None && data.Length > 0 && !expectedData.SequenceEqual(data))
        {
            Differences.Add($"{command}: gave {Convert.ToHexString(data)}, the captured reply says {Convert.ToHexString(expectedData)}");
        }
    }
}
