using Kvmi.Protocol;
using Kvmi.Protocol.Dialects;
using Kvmi.Protocol.Events;

namespace Kvmi.Fuzz.Messages;

/// <content>Events and their replies.</content>
internal sealed partial class WrittenMessages
{
    private void AddEvents()
    {
        var context = Bytes(40);
        foreach (var kind in Enum.GetValues<EventKind>().Where(kind => _dialect.TryGetEventId(kind, out _)))
        {
            Add(MessageDirection.KernelToTool, MessageRole.Event, null, kind, to => _dialect.WriteEvent(to, Sequence, Vcpu, State(), Body(kind)));
            if (_dialect.ExpectsReply(kind))
            {
                Add(
                    MessageDirection.ToolToKernel,
                    MessageRole.EventReply,
                    null,
                    kind,
                    to => _dialect.WriteEventReply(to, Sequence, Vcpu, kind, Answer(kind, context)));
            }
        }
    }

    private static EventBody Body(EventKind kind) => kind switch
    {
        EventKind.Cr => EventBody.Cr(4, 0x350ef0, 0x250ef0),
        EventKind.Msr => EventBody.Msr(0xc0000082, Address, Address + 1),
        EventKind.Xsetbv => EventBody.Xsetbv(0, 3, 7),
        EventKind.Breakpoint => EventBody.Breakpoint(Address, 1),
        EventKind.PageFault => EventBody.PageFault(Address, Address + 1, PageAccess.Write),
        EventKind.Trap => EventBody.Trap(14, 0x15, Address, 0x300),
        EventKind.Descriptor => EventBody.Descriptor(DescriptorTable.Idtr, true, 0x1234, 0x5678),
        EventKind.Singlestep => EventBody.Singlestep(true),
        EventKind.CommandError => EventBody.CommandError(KvmiError.InvalidArgument, 77, 18),
        EventKind.Cpuid => EventBody.Cpuid(0xd, 1, 2),
        _ => EventBody.Plain(kind),
    };

    private static EventReply Answer(EventKind kind, byte[] context) => kind switch
    {
        EventKind.Cr or EventKind.Msr => new EventReply { NewValue = Address },
        EventKind.PageFault => new EventReply { RepComplete = 1, ContextAddress = Address, Context = context },
        _ => default,
    };
}
