using System.Globalization;
using Kvmi.Protocol;
using Kvmi.Protocol.Commands;
using Kvmi.Protocol.Dialects;
using Kvmi.Protocol.Events;

namespace Kvmi.Policy.Testing.Replay;

/// <summary>Compares the reply that policies give now with the recorded one.</summary>
internal static class ReplyComparison
{
    /// <summary>Adds what was answered then to a step, and how far both replies are equal.</summary>
    public static ReplayStep Compare(Dialect dialect, ReplayStep step, byte[] recorded)
    {
        var status = dialect.ReadEventReply(recorded, step.Event, out _, out _, out var reply);
        var isRegister = step.Event is EventKind.Cr or EventKind.Msr;
        return step with
        {
            RecordedReply = recorded,
            RecordedAction = status == CommandStatus.Ok ? reply.Action : null,
            RecordedValue = status == CommandStatus.Ok && isRegister ? reply.NewValue : null,
            Match = Match(dialect, step, recorded),
        };
    }

    private static ReplyMatch Match(Dialect dialect, ReplayStep step, byte[] recorded)
    {
        var ours = step.Reply.Span;
        if (ours.SequenceEqual(recorded))
        {
            return ReplyMatch.Bytes;
        }

        if (ours.Length != recorded.Length)
        {
            return ReplyMatch.Different;
        }

        // Same layout: the recorded answer, written by us, gives the recorded bytes.
        if (dialect.ReadEventReply(recorded, step.Event, out var vcpu, out _, out var reply) != CommandStatus.Ok)
        {
            return ReplyMatch.Length;
        }

        var again = new byte[ours.Length];
        var length = dialect.WriteEventReply(again, step.Sequence, vcpu, step.Event, in reply);
        return length == recorded.Length && again.AsSpan().SequenceEqual(recorded) ? ReplyMatch.Layout : ReplyMatch.Length;
    }

    /// <summary>Register or page of an event, for people.</summary>
    public static string Subject(in EventFrame frame) => frame.Kind switch
    {
        EventKind.Cr => string.Create(CultureInfo.InvariantCulture, $"cr{frame.Cr}"),
        EventKind.Msr => string.Create(CultureInfo.InvariantCulture, $"msr 0x{frame.Msr:x}"),
        EventKind.PageFault => string.Create(CultureInfo.InvariantCulture, $"gpa 0x{frame.Gpa:x} {frame.Access}"),
        EventKind.Breakpoint => string.Create(CultureInfo.InvariantCulture, $"breakpoint at gpa 0x{frame.Gpa:x}"),
        EventKind.Trap => string.Create(CultureInfo.InvariantCulture, $"trap vector {frame.Vector}"),
        EventKind.Cpuid => string.Create(CultureInfo.InvariantCulture, $"cpuid leaf 0x{frame.CpuidFunction:x} index 0x{frame.CpuidIndex:x}"),
        _ => frame.Kind.ToString(),
    };
}
