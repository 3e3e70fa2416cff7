using Kvmi.Protocol;
using Kvmi.Protocol.Commands;
using Kvmi.Protocol.Events;
using Kvmi.Simulator.Machine;

namespace Kvmi.Simulator.Tests.Kernel.Selftest;

public sealed class V7VcpuSelftestTests() : VcpuSelftest(KvmiDialect.V7)
{
    [Fact]
    public async Task Get_ept_view_and_an_area_that_is_too_long()
    {
        await using var kernel = Kernel();
        Assert.Equal(16, kernel.Tool.AskRaw(34, new byte[8]).Payload.Length);
        Assert.Equal(-22, kernel.Tool.AskRaw(38, new byte[8 + 4097]).Error);
    }

    [Fact]
    public async Task Xsetbv_and_cpuid_events()
    {
        await using var kernel = Kernel();
        kernel.EnableEvent(EventKind.Xsetbv);
        kernel.EnableEvent(EventKind.Cpuid);
        kernel.Vcpu.Queue(new VcpuExit { Kind = VcpuExitKind.XcrWrite, OldValue = 1, NewValue = 7 });
        kernel.Vcpu.Queue(new VcpuExit { Kind = VcpuExitKind.Cpuid, Function = 1, Index = 2, Length = 2 });
        var xsetbv = kernel.Tool.Event(EventKind.Xsetbv);
        Assert.Empty(xsetbv.EventData);
        kernel.Tool.Answer(xsetbv);
        Assert.Equal("xcr", kernel.NextDone());
        kernel.Tool.Answer(kernel.Tool.Event(EventKind.Cpuid));
        Assert.Equal("cpuid", kernel.NextDone());
    }

    [Fact]
    public async Task A_page_fault_reply_can_carry_what_the_instruction_is_to_see()
    {
        await using var kernel = Kernel();
        kernel.EnableEvent(EventKind.PageFault);
        Assert.Equal(0, kernel.Tool.Ask((d, s) => D.WriteSetPageAccess(d, s, 0, [new PageAccessEntry(0x2000, PageAccess.Read)])).Error);
        kernel.Vcpu.Queue(new VcpuExit { Kind = VcpuExitKind.PageAccess, Gva = 0x12008, Gpa = 0x2008, Access = PageAccess.Write });
        var reply = new EventReply { ContextAddress = 0x12008, Context = new byte[] { 1, 2, 3 }, RepComplete = 1 };
        kernel.Tool.Answer(kernel.Tool.Event(EventKind.PageFault), in reply);
        Assert.Equal("pf 12008 010203", kernel.NextDone());
    }

    [Fact]
    public async Task Singlestep_has_to_be_switched_on_twice()
    {
        await using var kernel = Kernel();
        Assert.Equal(0, kernel.Tool.Ask((d, s) => D.Write(d, s, new ControlSinglestep(0, 2))).Error);
        kernel.Vcpu.Queue(new VcpuExit { Kind = VcpuExitKind.Singlestep });
        kernel.Vcpu.Queue(new VcpuExit { Kind = VcpuExitKind.PageAccess });
        Assert.Equal("pf", kernel.NextDone());
        Assert.DoesNotContain(EventKind.Singlestep, kernel.Counters.Events().Where(entry => entry.Value > 0).Select(entry => entry.Key));
    }
}
