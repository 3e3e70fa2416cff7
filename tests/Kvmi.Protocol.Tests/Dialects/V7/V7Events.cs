using Kvmi.Protocol.Commands;
using Kvmi.Protocol.Events;
using Kvmi.Protocol.Registers;

namespace Kvmi.Protocol.Tests.Dialects.V7;

/// <summary>From what one end reads to what the other end writes.</summary>
internal static class V7Events
{
    public static EventBody Body(in EventFrame frame) => frame.Kind switch
    {
        EventKind.Cr => EventBody.Cr(frame.Cr, frame.OldValue, frame.NewValue),
        EventKind.Msr => EventBody.Msr(frame.Msr, frame.OldValue, frame.NewValue),
        EventKind.Breakpoint => EventBody.Breakpoint(frame.Gpa, frame.InstructionLength),
        EventKind.PageFault => EventBody.PageFault(frame.Gva, frame.Gpa, frame.Access, frame.FaultView),
        EventKind.Trap => EventBody.Trap(frame.Vector, frame.ErrorCode, frame.TrapAddress),
        EventKind.Descriptor => EventBody.Descriptor(frame.Descriptor, frame.IsDescriptorWrite),
        EventKind.Singlestep => EventBody.Singlestep(frame.SinglestepFailed),
        EventKind.CommandError => EventBody.CommandError(frame.FailedCommandError, frame.FailedCommandSequence, frame.FailedCommandId),
        EventKind.Cpuid => EventBody.Cpuid(frame.CpuidFunction, frame.CpuidIndex, frame.InstructionLength),
        EventKind.Xsetbv => EventBody.Xsetbv(frame.Xcr, frame.OldValue, frame.NewValue),
        _ => EventBody.Plain(frame.Kind),
    };

    public static uint[] Msrs(in GetRegisters command)
    {
        var msrs = new uint[command.MsrCount];
        for (var i = 0; i < msrs.Length; i++)
        {
            msrs[i] = command.Msr(i);
        }

        return msrs;
    }

    public static MsrEntry[] Msrs(in RegistersReply reply)
    {
        var msrs = new MsrEntry[reply.MsrCount];
        for (var i = 0; i < msrs.Length; i++)
        {
            msrs[i] = reply.Msr(i);
        }

        return msrs;
    }

    public static PageAccessEntry[] Entries(in SetPageAccess command)
    {
        var entries = new PageAccessEntry[command.Count];
        for (var i = 0; i < entries.Length; i++)
        {
            command.TryGetEntry(i, out var gpa, out var access);
            entries[i] = new PageAccessEntry(gpa, (PageAccess)access);
        }

        return entries;
    }
}
