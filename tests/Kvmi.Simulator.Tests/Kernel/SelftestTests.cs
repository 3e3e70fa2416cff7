using System.Buffers.Binary;
using Kvmi.Protocol;
using Kvmi.Protocol.Commands;
using Kvmi.Protocol.Registers;
using Kvmi.Simulator.Machine;

namespace Kvmi.Simulator.Tests.Kernel;

/// <summary>The kernel's own selftest (kvmi-later-dialects.md section 6) as far as the v7 dialect has its commands.</summary>
public sealed class SelftestTests
{
    private static Kvmi.Protocol.Dialects.Dialect D => RawTool.Dialect;

    [Fact]
    public async Task Cmd_invalid()
    {
        await using var kernel = new KernelFixture();
        Assert.Equal(-1000, kernel.Tool.AskRaw(0xffff, 1, 2, 3).Error);
    }

    [Fact]
    public async Task Get_version()
    {
        await using var kernel = new KernelFixture();
        var reply = kernel.Tool.Ask((d, s) => D.WriteEmpty(d, s, CommandKind.GetVersion));
        Assert.Equal(24, reply.Payload.Length);
        Assert.Equal(1, BinaryPrimitives.ReadInt32LittleEndian(reply.Payload[8..]));
        Assert.Equal(0, BinaryPrimitives.ReadInt32LittleEndian(reply.Payload[12..]));
    }

    [Fact]
    public async Task The_features_of_get_version_are_what_the_kernel_side_does()
    {
        await using var kernel = new KernelFixture();
        var features = kernel.Tool.Ask((d, s) => D.WriteEmpty(d, s, CommandKind.GetVersion)).Payload[16..].ToArray();

        // 0 sub-page protection, 1 VMFUNC, 2 EPTP switching, 3 #VE, 4 single-step, 5 to 7 nothing.
        Assert.Equal(Offers(24, 1, 0, 0, 0, 0, 0, 0, 0), features[0]);
        Assert.Equal(Offers(36, 0, 0, 0, 0, 0, 0, 0, 0, 1, 0, 1, 0, 0, 0, 0, 0), features[1]);
        Assert.Equal(Offers(32, 0, 0, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0), features[2]);
        Assert.Equal(Offers(28, 0, 0, 0, 0, 0, 0, 0, 0, 0, 16, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0), features[3]);
        Assert.Equal(Offers(63, 0, 0, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0), features[4]);
        Assert.Equal(new byte[3], features[5..]);

        byte Offers(ushort id, params byte[] payload) => kernel.Tool.AskRaw(id, payload).Error == 0 ? (byte)1 : (byte)0;
    }

    [Fact]
    public async Task Check_command_and_check_event()
    {
        await using var kernel = new KernelFixture(commands: [6], events: [1]);
        Assert.Equal(0, Check(6));
        Assert.Equal(-22, Check(0xffff));
        Assert.Equal(-22, Check(12));
        Assert.Equal(-1, Check(5));
        Assert.Equal(0, Check(2));
        Assert.Equal(0, CheckEvent(1));
        Assert.Equal(-22, CheckEvent(0xffff));
        Assert.Equal(-1, CheckEvent(0));
        Assert.Equal(-1, kernel.Tool.Ask((d, s) => D.WriteEmpty(d, s, CommandKind.GetVmInfo)).Error);

        int Check(ushort id) => kernel.Tool.Ask((d, s) => D.Write(d, s, new CheckCommand(id))).Error;
        int CheckEvent(ushort id) => kernel.Tool.Ask((d, s) => D.Write(d, s, new CheckEvent(id))).Error;
    }

    [Fact]
    public async Task Vm_get_info_and_vcpu_get_info()
    {
        await using var kernel = new KernelFixture(vcpus: 3);
        var info = kernel.Tool.Ask((d, s) => D.WriteEmpty(d, s, CommandKind.GetVmInfo));
        Assert.Equal(24, info.Payload.Length);
        Assert.Equal(3, info.Payload[8]);
        Assert.Equal(16, kernel.Tool.Ask((d, s) => D.WriteVcpuOnly(d, s, CommandKind.GetVcpuInfo, 2)).Payload.Length);
        Assert.Equal(-22, kernel.Tool.Ask((d, s) => D.WriteVcpuOnly(d, s, CommandKind.GetVcpuInfo, 99)).Error);
    }

    [Fact]
    public async Task Control_events()
    {
        await using var kernel = new KernelFixture(events: [1, 10]);
        Assert.Equal(0, kernel.EnableEvent(EventKind.Cr, enable: 1).Error);
        Assert.Equal(0, kernel.EnableEvent(EventKind.Cr, enable: 0).Error);
        Assert.Equal(0, kernel.EnableEvent(EventKind.Cr, enable: 2).Error);
        Assert.Equal(-22, kernel.Tool.Ask((d, s) => D.Write(d, s, new ControlEvents(0, 0xffff, 1))).Error);
        Assert.Equal(-22, kernel.EnableEvent(EventKind.Unhook).Error);
        Assert.Equal(-1, kernel.EnableEvent(EventKind.Msr).Error);
        Assert.Equal(-1, kernel.Tool.Ask((d, s) => D.Write(d, s, new ControlVmEvents(0, 1))).Error);
        Assert.Equal(-22, kernel.Tool.Ask((d, s) => D.Write(d, s, new ControlVmEvents(1, 1))).Error);
    }

    [Fact]
    public async Task Memory_access()
    {
        await using var kernel = new KernelFixture();
        var page = new byte[4096];
        new Random(7).NextBytes(page);
        Assert.Equal(0, Write(0x3000, page));
        Assert.Equal(page, Read(0x3000, 4096).Payload[8..].ToArray());
        Assert.Equal(-22, Read(0x3000, 0).Error);
        Assert.Equal(-22, Write(0x3000, []));
        Assert.Equal(-22, Read(0x3ff8, 16).Error);
        Assert.Equal(-22, Read(0x3000, ulong.MaxValue).Error);
        Assert.Equal(-2, Read(ulong.MaxValue - 4095, 16).Error);
        Assert.Equal(-2, Write(0x7fffff000, [1]));

        ReceivedMessage Read(ulong gpa, ulong size) => kernel.Tool.Ask((d, s) => D.Write(d, s, new ReadPhysical(gpa, size)));
        int Write(ulong gpa, byte[] data) => kernel.Tool.Ask((d, s) => D.Write(d, s, new WritePhysical(gpa, data))).Error;
    }

    [Fact]
    public async Task Pause_gives_one_event_each()
    {
        await using var kernel = new KernelFixture();
        var first = kernel.Tool.Send((d, s) => D.Write(d, s, new PauseVcpu(0, true)));
        var second = kernel.Tool.Send((d, s) => D.Write(d, s, new PauseVcpu(0, false)));
        Assert.Equal(0, kernel.Tool.Reply(first).Error);
        Assert.Equal(0, kernel.Tool.Reply(second).Error);
        var one = kernel.Tool.Event(EventKind.PauseVcpu);
        Assert.Equal(1u, one.Header.Sequence);
        kernel.Tool.Answer(one);
        var two = kernel.Tool.Event(EventKind.PauseVcpu);
        Assert.Equal(2u, two.Header.Sequence);
        kernel.Tool.Answer(two);
        Assert.Equal(-22, kernel.Tool.Ask((d, s) => D.Write(d, s, new PauseVcpu(7, true))).Error);
        Assert.Equal(2, kernel.Counters.Events()[EventKind.PauseVcpu]);
    }

    [Fact]
    public async Task Too_many_pause_requests_are_busy()
    {
        await using var kernel = new KernelFixture();
        var errors = Enumerable.Range(0, Simulator.Kernel.VcpuWorker.MaxPauseRequests + 2)
            .Select(_ => kernel.Tool.Ask((d, s) => D.Write(d, s, new PauseVcpu(0, false))).Error).ToList();
        Assert.Equal(0, errors[0]);
        Assert.Equal(-16, errors[^1]);
    }

    [Fact]
    public async Task Get_registers()
    {
        await using var kernel = new KernelFixture();
        var reply = Get(0xc0000082, 0x10);
        Assert.Equal(8 + 472 + 32, reply.Payload.Length);
        Assert.Equal(-22, Get(uint.MaxValue).Error);
        Assert.Equal(-22, kernel.Tool.AskRaw(13, [0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff, 0, 0, 0, 0, 0, 0]).Error);
        var many = new byte[16 + (482 * 4)];
        BinaryPrimitives.WriteUInt16LittleEndian(many.AsSpan(8), 482);
        Assert.Equal(-22, kernel.Tool.AskRaw(13, many).Error);
        BinaryPrimitives.WriteUInt16LittleEndian(many.AsSpan(8), 481);
        Assert.Equal(8 + 472 + (481 * 16), kernel.Tool.AskRaw(13, many).Payload.Length);

        ReceivedMessage Get(params uint[] msrs) => kernel.Tool.Ask((d, s) => D.WriteGetRegisters(d, s, 0, msrs));
    }

    [Fact]
    public async Task Set_registers_only_inside_an_event_and_applied_at_the_reply()
    {
        await using var kernel = new KernelFixture();
        KvmRegs regs = default;
        regs.Rip = 0x4242;
        Assert.Equal(-95, kernel.Tool.Ask((d, s) => D.WriteSetRegisters(d, s, 0, in regs)).Error);
        kernel.Tool.Ask((d, s) => D.Write(d, s, new PauseVcpu(0, true)));
        var pause = kernel.Tool.Event(EventKind.PauseVcpu);
        Assert.Equal(0, kernel.Tool.Ask((d, s) => D.WriteSetRegisters(d, s, 0, in regs)).Error);
        Assert.Equal(-22, kernel.Tool.AskRaw(14, new byte[20]).Error);
        Assert.False(kernel.Vcpu.Done.TryTake(out _));
        kernel.Tool.Answer(pause);
        Assert.Equal("set rip 4242", kernel.NextDone());
    }

    [Fact]
    public async Task Get_cpuid_xcr_xsave_mtrr_view_translate()
    {
        await using var kernel = new KernelFixture();
        Assert.Equal(24, kernel.Tool.Ask((d, s) => D.Write(d, s, new GetCpuid(0, 0, 0))).Payload.Length);
        Assert.Equal(-2, kernel.Tool.Ask((d, s) => D.Write(d, s, new GetCpuid(0, 0x99, 0))).Error);
        Assert.Equal(7, kernel.Tool.AskRaw(37, new byte[16]).Payload[8]);
        Assert.Equal(-22, kernel.Tool.AskRaw(37, [0, 0, 0, 0, 0, 0, 0, 0, 1]).Error);
        Assert.Equal(8 + 4096, kernel.Tool.AskRaw(16, new byte[8]).Payload.Length);
        Assert.Equal(0, kernel.Tool.AskRaw(38, [.. new byte[8], .. Enumerable.Repeat((byte)9, 4096)]).Error);
        Assert.Equal(9, kernel.Tool.AskRaw(16, new byte[8]).Payload[8 + 4095]);
        Assert.Equal(-22, kernel.Tool.AskRaw(38, new byte[8 + 4097]).Error);
        Assert.Equal(6, kernel.Tool.AskRaw(23, new byte[16]).Payload[8]);
        Assert.Equal(16, kernel.Tool.AskRaw(34, new byte[8]).Payload.Length);
        Assert.Equal(0x1234ul, Translate(0x1234));
        Assert.Equal(ulong.MaxValue, Translate(ulong.MaxValue));

        ulong Translate(ulong gva) => BinaryPrimitives.ReadUInt64LittleEndian(
            kernel.Tool.Ask((d, s) => D.Write(d, s, new TranslateGva(0, gva))).Payload[8..]);
    }

    [Fact]
    public async Task Event_hypercall_only_for_the_agreed_arguments()
    {
        await using var kernel = new KernelFixture();
        kernel.EnableEvent(EventKind.Hypercall);
        kernel.Vcpu.Queue(new VcpuExit { Kind = VcpuExitKind.Hypercall });
        Assert.Equal("hypercall -1000", kernel.NextDone());
        kernel.Vcpu.SetRegs(box => (box.Regs.Rax, box.Regs.Rdi) = (34, 24));
        kernel.Vcpu.Queue(new VcpuExit { Kind = VcpuExitKind.Hypercall });
        kernel.Tool.Answer(kernel.Tool.Event(EventKind.Hypercall));
        Assert.Equal("hypercall 0", kernel.NextDone());
    }

    [Fact]
    public async Task Event_breakpoint_skipped_with_set_registers_and_retry()
    {
        await using var kernel = new KernelFixture();
        kernel.EnableEvent(EventKind.Breakpoint);
        Assert.True(kernel.Vcpu.Breakpoint);
        kernel.Vcpu.Queue(new VcpuExit { Kind = VcpuExitKind.Breakpoint, Gpa = 0x1000, Length = 1 });
        var message = kernel.Tool.Event(EventKind.Breakpoint);
        Assert.Equal(0x1000ul, BinaryPrimitives.ReadUInt64LittleEndian(message.EventData));
        Assert.Equal(1, message.EventData[8]);
        KvmRegs regs = default;
        regs.Rip = 0x1001;
        Assert.Equal(0, kernel.Tool.Ask((d, s) => D.WriteSetRegisters(d, s, 0, in regs)).Error);
        kernel.Tool.Answer(message, EventAction.Retry);
        Assert.Equal("set rip 1001", kernel.NextDone());
        kernel.Vcpu.Queue(new VcpuExit { Kind = VcpuExitKind.Breakpoint, Gpa = 0x1000, Length = 1 });
        kernel.Tool.Answer(kernel.Tool.Event(EventKind.Breakpoint));
        Assert.Equal("bp", kernel.NextDone());
    }

    [Fact]
    public async Task Control_cr_and_its_event()
    {
        await using var kernel = new KernelFixture();
        var message = kernel.WriteCr3(0x1000, 0x2000);
        Assert.Equal([3, 0, 0, 0, 0, 0, 0, 0, 0, 0x10, 0, 0, 0, 0, 0, 0, 0, 0x20, 0, 0, 0, 0, 0, 0], message.EventData);
        kernel.Tool.Answer(message, newValue: 0x1000);
        Assert.Equal("cr 1000", kernel.NextDone());
        Assert.Equal(0, Control(4, 2));
        Assert.True(kernel.Vcpu.GetCr(4));
        Assert.Equal(-22, Control(99, 1));
        Assert.Equal(-22, Control(8, 1));
        kernel.EnableEvent(EventKind.Cr, enable: 0);
        Assert.False(kernel.Vcpu.GetCr(3));

        int Control(uint cr, byte enable) => kernel.Tool.Ask((d, s) => D.Write(d, s, new ControlCr(0, cr, enable))).Error;
    }

    [Fact]
    public async Task Control_msr_and_its_event()
    {
        await using var kernel = new KernelFixture();
        Assert.Equal(0, Control(0xc0000082));
        Assert.False(kernel.Vcpu.GetMsr(0xc0000082));
        kernel.EnableEvent(EventKind.Msr);
        Assert.True(kernel.Vcpu.GetMsr(0xc0000082));
        kernel.Vcpu.Queue(new VcpuExit { Kind = VcpuExitKind.MsrWrite, Number = 0xc0000082, OldValue = 5, NewValue = 6 });
        kernel.Tool.Answer(kernel.Tool.Event(EventKind.Msr), newValue: 5);
        Assert.Equal("msr 5", kernel.NextDone());
        foreach (var bad in new uint[] { 0x1fff, 0x2000, 0xc0000000, 0xc0001fff, 0xdeadbeef, uint.MaxValue })
        {
            Assert.Equal(-22, Control(bad));
        }

        Assert.Equal(0, kernel.Tool.Ask((d, s) => D.Write(d, s, new ControlMsr(0, 0xc0000082, 0))).Error);
        Assert.False(kernel.Vcpu.GetMsr(0xc0000082));

        int Control(uint msr) => kernel.Tool.Ask((d, s) => D.Write(d, s, new ControlMsr(0, msr, 1))).Error;
    }

    [Fact]
    public async Task Inject_exception_is_forbidden_with_the_trap_event()
    {
        await using var kernel = new KernelFixture(events: [10]);
        Assert.Equal(-1, kernel.Tool.Ask((d, s) => D.Write(d, s, new InjectException(0, 6, 0, 0))).Error);
    }

    [Fact]
    public async Task Inject_exception_gives_a_trap_event_before_the_pause_event()
    {
        await using var kernel = new KernelFixture();
        kernel.Tool.Ask((d, s) => D.Write(d, s, new PauseVcpu(0, true)));
        var pause = kernel.Tool.Event(EventKind.PauseVcpu);
        kernel.Tool.Ask((d, s) => D.Write(d, s, new PauseVcpu(0, false)));
        Assert.Equal(-22, Inject(32));
        Assert.Equal(0, Inject(14));
        Assert.Equal(-16, Inject(6));
        kernel.Tool.Answer(pause);
        var trap = kernel.Tool.Event(EventKind.Trap);
        Assert.Equal(14, trap.EventData[0]);
        Assert.Equal(3u, BinaryPrimitives.ReadUInt32LittleEndian(trap.EventData.AsSpan(4)));
        Assert.Equal(0xabcul, BinaryPrimitives.ReadUInt64LittleEndian(trap.EventData.AsSpan(8)));
        Assert.Equal(-16, Inject(6));
        kernel.Tool.Answer(trap);
        kernel.Tool.Answer(kernel.Tool.Event(EventKind.PauseVcpu));
        Assert.Equal(0, Inject(6));
        Assert.Equal(6, kernel.Tool.Event(EventKind.Trap).EventData[0]);

        int Inject(byte vector) => kernel.Tool.Ask((d, s) => D.Write(d, s, new InjectException(0, vector, 3, 0xabc))).Error;
    }

    [Fact]
    public async Task A_breakpoint_wins_over_an_injected_exception()
    {
        await using var kernel = new KernelFixture();
        kernel.EnableEvent(EventKind.Breakpoint);
        kernel.Vcpu.Queue(new VcpuExit { Kind = VcpuExitKind.Breakpoint, Gpa = 0x1000, Length = 1 });
        var message = kernel.Tool.Event(EventKind.Breakpoint);
        Assert.Equal(0, kernel.Tool.Ask((d, s) => D.Write(d, s, new InjectException(0, 6, 0, 0))).Error);
        kernel.Tool.Answer(message);
        Assert.Equal(3, kernel.Tool.Event(EventKind.Trap).EventData[0]);
    }

    [Fact]
    public async Task Xsetbv_descriptor_and_cpuid_events()
    {
        await using var kernel = new KernelFixture();
        kernel.EnableEvent(EventKind.Xsetbv);
        kernel.EnableEvent(EventKind.Descriptor);
        kernel.EnableEvent(EventKind.Cpuid);
        kernel.Vcpu.Queue(new VcpuExit { Kind = VcpuExitKind.XcrWrite, OldValue = 1, NewValue = 7 });
        kernel.Vcpu.Queue(new VcpuExit { Kind = VcpuExitKind.Descriptor, Table = DescriptorTable.Gdtr });
        kernel.Vcpu.Queue(new VcpuExit { Kind = VcpuExitKind.Descriptor, Table = DescriptorTable.Idtr, IsWrite = true });
        kernel.Vcpu.Queue(new VcpuExit { Kind = VcpuExitKind.Cpuid, Function = 1, Index = 2, Length = 2 });
        var xsetbv = kernel.Tool.Event(EventKind.Xsetbv);
        Assert.Empty(xsetbv.EventData);
        kernel.Tool.Answer(xsetbv);
        Assert.Equal("xcr", kernel.NextDone());
        var read = kernel.Tool.Event(EventKind.Descriptor);
        Assert.Equal([2, 0], read.EventData[..2]);
        kernel.Tool.Answer(read);
        Assert.Equal("descriptor", kernel.NextDone());
        var write = kernel.Tool.Event(EventKind.Descriptor);
        Assert.Equal([1, 1], write.EventData[..2]);
        kernel.Tool.Answer(write);
        Assert.Equal("descriptor", kernel.NextDone());
        kernel.Tool.Answer(kernel.Tool.Event(EventKind.Cpuid));
        Assert.Equal("cpuid", kernel.NextDone());
    }

    [Fact]
    public async Task Set_page_access_and_its_event()
    {
        await using var kernel = new KernelFixture();
        kernel.EnableEvent(EventKind.PageFault);
        Assert.Equal(0, Set(0, new PageAccessEntry(0x2000, PageAccess.Read), new PageAccessEntry(0x3000, PageAccess.None)));
        Assert.True(kernel.Machine.TryGetPageAccess(0x3000, out var access));
        Assert.Equal(PageAccess.None, access);
        Assert.Equal(-22, Set(0, new PageAccessEntry(0x4000, (PageAccess)8), new PageAccessEntry(0x3000, PageAccess.All)));
        Assert.True(kernel.Machine.TryGetPageAccess(0x3000, out access));
        Assert.Equal(PageAccess.All, access);
        Assert.Equal(0, Set(0, new PageAccessEntry(0x7fffff000, PageAccess.Read)));
        Assert.Equal(-95, Set(1, new PageAccessEntry(0x2000, PageAccess.Read)));

        kernel.Vcpu.Queue(new VcpuExit { Kind = VcpuExitKind.PageAccess, Gva = 0x12008, Gpa = 0x2008, Access = PageAccess.Write });
        var message = kernel.Tool.Event(EventKind.PageFault);
        Assert.Equal(0x12008ul, BinaryPrimitives.ReadUInt64LittleEndian(message.EventData));
        Assert.Equal(0x2008ul, BinaryPrimitives.ReadUInt64LittleEndian(message.EventData.AsSpan(8)));
        Assert.Equal(2, message.EventData[16]);
        var reply = new Kvmi.Protocol.Events.EventReply { ContextAddress = 0x12008, Context = new byte[] { 1, 2, 3 }, RepComplete = 1 };
        kernel.Tool.Answer(message, in reply);
        Assert.Equal("pf 12008 010203", kernel.NextDone());

        int Set(ushort view, params PageAccessEntry[] entries) => kernel.Tool.Ask((d, s) => D.WriteSetPageAccess(d, s, view, entries)).Error;
    }

    [Fact]
    public async Task A_page_violation_without_the_event_is_carried_out()
    {
        await using var kernel = new KernelFixture();
        kernel.Vcpu.Queue(new VcpuExit { Kind = VcpuExitKind.PageAccess, Gpa = 0x2000, Access = PageAccess.Write });
        Assert.Equal("pf", kernel.NextDone());
    }

    [Fact]
    public async Task Control_singlestep_belongs_to_its_vcpu_alone()
    {
        await using var kernel = new KernelFixture(vcpus: 3);
        kernel.EnableEvent(EventKind.Singlestep);
        kernel.EnableEvent(EventKind.Singlestep, 1);
        Assert.Equal(0, Step(0, 1));
        Assert.Equal(0, Step(1, 1));
        kernel.Vcpu.Queue(new VcpuExit { Kind = VcpuExitKind.Singlestep });
        var first = kernel.Tool.Event(EventKind.Singlestep);
        Assert.Equal(new byte[8], first.EventData);
        kernel.Machine[1].Queue(new VcpuExit { Kind = VcpuExitKind.Singlestep });
        var second = kernel.Tool.Event(EventKind.Singlestep);
        Assert.Equal((0, 1), (first.Vcpu, second.Vcpu));

        // While two vCPUs step, the third runs on.
        kernel.Machine[2].Queue(new VcpuExit { Kind = VcpuExitKind.PageAccess });
        Assert.Equal("pf", kernel.NextDone(2));
        Assert.Equal(-16, kernel.Tool.Ask((d, s) => D.Write(d, s, new InjectException(0, 6, 0, 0))).Error);

        // Switching one off leaves the other on.
        Assert.Equal(0, Step(0, 0));
        Assert.False(kernel.Machine[0].Singlestep);
        Assert.True(kernel.Machine[1].Singlestep);
        kernel.Tool.Answer(first);
        kernel.Tool.Answer(second);
        kernel.Machine[1].Queue(new VcpuExit { Kind = VcpuExitKind.Singlestep });
        kernel.Tool.Answer(kernel.Tool.Event(EventKind.Singlestep));

        int Step(ushort vcpu, byte enable) => kernel.Tool.Ask((d, s) => D.Write(d, s, new ControlSinglestep(vcpu, enable))).Error;
    }

    [Fact]
    public async Task Single_stepping_can_be_forbidden()
    {
        await using var kernel = new KernelFixture(events: [1]);
        Assert.Equal(-1, kernel.Tool.Ask((d, s) => D.Write(d, s, new ControlSinglestep(0, 1))).Error);
    }

    [Fact]
    public async Task Create_vcpu_events_come_once_when_enabled()
    {
        await using var kernel = new KernelFixture(vcpus: 2, held: true);
        Assert.Equal(0, kernel.Tool.Ask((d, s) => D.Write(d, s, new ControlVmEvents(9, 1))).Error);
        var first = kernel.Tool.Event(EventKind.CreateVcpu);
        var second = kernel.Tool.Event(EventKind.CreateVcpu);
        Assert.Equal([0, 1], new[] { (int)first.Vcpu, second.Vcpu }.Order());
        kernel.Tool.Answer(first);
        kernel.Tool.Answer(second);
        kernel.Release();

        // The pause comes after everything else, so nothing came twice.
        kernel.Tool.Ask((d, s) => D.Write(d, s, new PauseVcpu(0, true)));
        kernel.Tool.Answer(kernel.Tool.Event(EventKind.PauseVcpu));
    }

    [Fact]
    public async Task Unhook_event_has_a_zero_state_and_commands_still_work()
    {
        await using var kernel = new KernelFixture();
        Assert.False(kernel.Hook.IsVmEventEnabled(EventKind.Unhook));
        Assert.Equal(0, kernel.Tool.Ask((d, s) => D.Write(d, s, new ControlVmEvents(0, 1))).Error);
        Assert.True(kernel.Hook.IsVmEventEnabled(EventKind.Unhook));
        kernel.Hook.SendVmEvent(Kvmi.Protocol.Events.EventBody.Plain(EventKind.Unhook));
        var message = kernel.Tool.Event(EventKind.Unhook);
        Assert.Equal(544, message.Payload.Length);
        Assert.Equal([0x20, 2], message.Payload[..2].ToArray());
        Assert.False(message.Payload[2..].ContainsAnyExcept((byte)0));
        Assert.Equal(0, kernel.Tool.Ask((d, s) => D.WriteEmpty(d, s, CommandKind.GetVmInfo)).Error);
    }
}
