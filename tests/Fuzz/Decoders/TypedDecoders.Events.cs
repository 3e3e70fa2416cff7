using Kvmi.Protocol;
using Kvmi.Protocol.Commands;
using Kvmi.Protocol.Dialects;
using Kvmi.Protocol.Events;
using Kvmi.Protocol.Registers;

namespace Kvmi.Fuzz.Decoders;

/// <content>Events, as the tool reads them, and event replies, as the hypervisor does.</content>
internal static partial class TypedDecoders
{
    private static readonly EventKind[] Kinds = Enum.GetValues<EventKind>();

    private static TypedDecoder[] Events() =>
    [
        new("ReadEvent(EventFrame)", _ => true, Event),
        new("ReadUnknownEvent(UInt16, UInt16)", _ => true, UnknownEvent),
        new("ReadEventReply(UInt16, Byte, EventReply)", _ => true, EventReplies),
    ];

    private static bool Event(scoped in DecoderInput input)
    {
        if (input.Dialect.ReadEvent(input.Message, out var frame) != DecodeStatus.Ok)
        {
            return false;
        }

        var body = Body(in frame);
        TouchAll(in frame);
        var state = default(VcpuState);

        // Events that nobody waits for need not carry the machine.
        var hasMachine = input.Dialect.ExpectsReply(frame.Kind);
        if (hasMachine)
        {
            state.Mode = frame.Mode;
            state.View = frame.View;
            state.Regs = frame.Regs;
            state.Sregs = frame.Sregs;
            state.Msrs = frame.Msrs;
        }

        var length = input.Dialect.WriteEvent(input.Scratch.Message, frame.Sequence, frame.Vcpu, in state, in body);
        var status = input.Dialect.ReadEvent(input.Scratch.Message.AsSpan(0, length), out var again);
        var same = status == DecodeStatus.Ok && (frame.Kind, frame.Sequence) == (again.Kind, again.Sequence) && body == Body(in again);
        if (same && hasMachine)
        {
            same = (frame.Vcpu, frame.Mode, frame.View) == (again.Vcpu, again.Mode, again.View)
                && SameBytes(in frame.Regs, in again.Regs) && SameBytes(in frame.Sregs, in again.Sregs) && SameBytes(in frame.Msrs, in again.Msrs);
        }

        return same
            ? true
            : throw new DecoderDefectException("ReadEvent", $"the {frame.Kind} event that was read is not the one that comes back");
    }

    // Accessors of other kinds' data read nothing, or the frame would be too short for them.
    private static void TouchAll(in EventFrame frame)
    {
        var sum = frame.OldValue | frame.NewValue | frame.Gva | frame.Gpa | frame.TrapAddress | frame.DescriptorExitQualification
            | frame.Msr | frame.ErrorCode | frame.TrapType | frame.DescriptorInstructionInfo | frame.CpuidFunction | frame.CpuidIndex
            | frame.FailedCommandSequence | frame.FailedCommandId | frame.Cr | frame.FaultView | frame.Xcr | frame.Vector
            | frame.InstructionLength | (byte)frame.Descriptor | (uint)frame.Access;
        var isPlain = frame.Kind is EventKind.Unhook or EventKind.Hypercall or EventKind.CreateVcpu or EventKind.PauseVcpu;
        DecoderDefectException.Require(!isPlain || sum == 0, "EventFrame", "an event without data has some");
    }

    private static bool UnknownEvent(scoped in DecoderInput input)
    {
        if (input.Dialect.ReadUnknownEvent(input.Message, out var vcpu, out var eventId) != DecodeStatus.Ok)
        {
            return false;
        }

        var length = input.Dialect.WriteUnknownEventReply(input.Scratch.Message, 1, vcpu, eventId);
        DecoderDefectException.Require(
            length >= Header && length <= Header + input.Dialect.MaxPayload, "ReadUnknownEvent", "the reply has no sensible length");
        return true;
    }

    private static bool EventReplies(scoped in DecoderInput input)
    {
        var accepted = false;
        foreach (var kind in Kinds)
        {
            if (input.Dialect.TryGetEventId(kind, out _) && input.Dialect.ExpectsReply(kind))
            {
                accepted |= EventReply(in input, kind);
            }
        }

        return accepted;
    }

    private static bool EventReply(scoped in DecoderInput input, EventKind kind)
    {
        if (input.Dialect.ReadEventReply(input.Message, kind, out var vcpu, out _, out var reply) != CommandStatus.Ok)
        {
            return false;
        }

        var length = input.Dialect.WriteEventReply(input.Scratch.Message, 1, vcpu, kind, in reply);
        var status = input.Dialect.ReadEventReply(input.Scratch.Message.AsSpan(0, length), kind, out var vcpu2, out _, out var again);
        var same = length == input.Dialect.EventReplyLength(kind)
            && status == CommandStatus.Ok
            && vcpu == vcpu2
            && (reply.Action, reply.NewValue, reply.RepComplete, reply.ContextAddress, reply.Singlestep)
                == (again.Action, again.NewValue, again.RepComplete, again.ContextAddress, again.Singlestep)
            && reply.Context.SequenceEqual(again.Context);
        return same
            ? true
            : throw new DecoderDefectException("ReadEventReply", $"the reply to a {kind} event that was read is not the one that comes back");
    }

    private static EventBody Body(in EventFrame frame) => frame.Kind switch
    {
        EventKind.Cr => EventBody.Cr(frame.Cr, frame.OldValue, frame.NewValue),
        EventKind.Msr => EventBody.Msr(frame.Msr, frame.OldValue, frame.NewValue),
        EventKind.Breakpoint => EventBody.Breakpoint(frame.Gpa, frame.InstructionLength),
        EventKind.PageFault => EventBody.PageFault(frame.Gva, frame.Gpa, frame.Access, frame.FaultView),
        EventKind.Trap => EventBody.Trap(frame.Vector, frame.ErrorCode, frame.TrapAddress, frame.TrapType),
        EventKind.Descriptor => EventBody.Descriptor(
            frame.Descriptor, frame.IsDescriptorWrite, frame.DescriptorInstructionInfo, frame.DescriptorExitQualification),
        EventKind.Singlestep => EventBody.Singlestep(frame.SinglestepFailed),
        EventKind.CommandError => EventBody.CommandError(frame.FailedCommandError, frame.FailedCommandSequence, frame.FailedCommandId),
        EventKind.Cpuid => EventBody.Cpuid(frame.CpuidFunction, frame.CpuidIndex, frame.InstructionLength),
        EventKind.Xsetbv => EventBody.Xsetbv(frame.Xcr, frame.OldValue, frame.NewValue),
        _ => EventBody.Plain(frame.Kind),
    };
}
