using Kvmi.Protocol.Dialects;
using Kvmi.Protocol.Events;

namespace Kvmi.Protocol.Tests.Dialects.Later;

public sealed class LaterAllocationTests
{
    [Theory]
    [InlineData("kvmi-v7-cr.hex", EventKind.Cr)]
    [InlineData("kvmi-v7-msr.hex", EventKind.Msr)]
    [InlineData("kvmi-v7-pagefault.hex", EventKind.PageFault)]
    [InlineData("kvmi-v11-cr.hex", EventKind.Cr)]
    [InlineData("kvmi-v11-msr.hex", EventKind.Msr)]
    [InlineData("kvmi-v11-pagefault.hex", EventKind.PageFault)]
    public void Event_in_and_reply_out_allocate_nothing(string file, EventKind kind)
    {
        var codec = Dialect.Find(CaptureFiles.DialectOf(file))!;
        var message = CaptureFiles.First(file, MessageDirection.KernelToTool, header => header.Id == 1);
        var reply = new byte[512];
        var context = new byte[16];
        var sum = 0ul;
        for (var i = 0; i < 1000; i++)
        {
            sum += Answer(codec, message, reply, context);
        }

        var before = GC.GetAllocatedBytesForCurrentThread();
        for (var i = 0; i < 10_000; i++)
        {
            sum += Answer(codec, message, reply, context);
        }

        Assert.Equal(0, GC.GetAllocatedBytesForCurrentThread() - before);
        Assert.NotEqual(0ul, sum);
        codec.ReadEvent(message, out var frame);
        Assert.Equal(kind, frame.Kind);
    }

    private static ulong Answer(Dialect codec, byte[] message, byte[] destination, byte[] context)
    {
        if (codec.ReadEvent(message, out var frame) != DecodeStatus.Ok)
        {
            return 0;
        }

        var sum = frame.Regs.Rip + frame.Sregs.Cr3 + frame.Msrs.Lstar + frame.Mode + frame.View + frame.Cr + frame.Msr
            + frame.OldValue + frame.NewValue + frame.Gva + frame.Gpa + (ulong)frame.Access + frame.FaultView;
        var reply = new EventReply { Action = EventAction.Continue, NewValue = frame.OldValue };
        if (frame.Kind == EventKind.PageFault)
        {
            reply.Context = context;
            reply.ContextAddress = frame.Gva;
        }

        return sum + (ulong)codec.WriteEventReply(destination, frame.Sequence, frame.Vcpu, frame.Kind, in reply);
    }
}
