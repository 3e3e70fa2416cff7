using System.Buffers.Binary;
using Kvmi.Protocol;
using Kvmi.Protocol.Commands;

namespace Kvmi.Simulator.Tests.Kernel.Selftest;

/// <summary>The selftest's cases of VM commands (2 to 11, 27).</summary>
public abstract class VmSelftest(KvmiDialect dialect) : KernelSelftest(dialect)
{
    [Fact]
    public async Task Cmd_invalid()
    {
        await using var kernel = Kernel();
        Assert.Equal(-1000, kernel.Tool.AskRaw(0xffff, 1, 2, 3).Error);
    }

    [Fact]
    public async Task Get_version()
    {
        await using var kernel = Kernel();
        var reply = kernel.Tool.Ask((d, s) => D.WriteEmpty(d, s, CommandKind.GetVersion));
        Assert.Equal(24, reply.Payload.Length);
        Assert.Equal(1, BinaryPrimitives.ReadInt32LittleEndian(reply.Payload[8..]));
        Assert.Equal(D.Id == KvmiDialect.V7 ? 0 : 8184, BinaryPrimitives.ReadInt32LittleEndian(reply.Payload[12..]));
    }

    [Fact]
    public async Task Check_command_and_check_event()
    {
        await using var kernel = Kernel(commands: [CommandKind.GetVcpuInfo], events: [EventKind.Cr]);
        Assert.Equal(0, Check(Id(CommandKind.GetVcpuInfo)));
        Assert.Equal(UnknownInCheck, Check(0xffff));
        Assert.Equal(-1, Check(Id(CommandKind.GetVmInfo)));
        Assert.Equal(0, Check(Id(CommandKind.GetVersion)));
        Assert.Equal(0, CheckEvent(Id(EventKind.Cr)));
        Assert.Equal(UnknownInCheck, CheckEvent(0xffff));
        Assert.Equal(-1, CheckEvent(Id(EventKind.Unhook)));
        Assert.Equal(-1, kernel.Tool.Ask((d, s) => D.WriteEmpty(d, s, CommandKind.GetVmInfo)).Error);

        int Check(ushort id) => kernel.Tool.Ask((d, s) => D.Write(d, s, new CheckCommand(id))).Error;
        int CheckEvent(ushort id) => kernel.Tool.Ask((d, s) => D.Write(d, s, new CheckEvent(id))).Error;
    }

    [Fact]
    public async Task Vm_get_info_and_vcpu_get_info()
    {
        await using var kernel = Kernel(vcpus: 3);
        var info = kernel.Tool.Ask((d, s) => D.WriteEmpty(d, s, CommandKind.GetVmInfo));
        Assert.Equal(24, info.Payload.Length);
        Assert.Equal(3, info.Payload[8]);
        Assert.Equal(16, kernel.Tool.Ask((d, s) => D.WriteVcpuOnly(d, s, CommandKind.GetVcpuInfo, 2)).Payload.Length);
        Assert.Equal(-22, kernel.Tool.Ask((d, s) => D.WriteVcpuOnly(d, s, CommandKind.GetVcpuInfo, 99)).Error);
    }

    [Fact]
    public async Task Vm_control_events()
    {
        await using var kernel = Kernel(events: [EventKind.Unhook]);
        Assert.Equal(0, Control(Id(EventKind.Unhook), 1));
        Assert.True(kernel.Hook.IsVmEventEnabled(EventKind.Unhook));
        Assert.Equal(0, Control(Id(EventKind.Unhook), 0));
        Assert.False(kernel.Hook.IsVmEventEnabled(EventKind.Unhook));
        Assert.Equal(EnableTwo, Control(Id(EventKind.Unhook), 2));
        Assert.Equal(-22, Control(0xffff, 1));
        Assert.Equal(-22, Control(Id(EventKind.Cr), 1));
        await using var forbidding = Kernel(events: [EventKind.Cr]);
        Assert.Equal(-1, forbidding.Tool.Ask((d, s) => D.Write(d, s, new ControlVmEvents(Id(EventKind.Unhook), 1))).Error);

        int Control(ushort id, byte enable) => kernel.Tool.Ask((d, s) => D.Write(d, s, new ControlVmEvents(id, enable))).Error;
    }

    [Fact]
    public async Task Memory_access()
    {
        await using var kernel = Kernel();
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
        await using var kernel = Kernel();
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
        await using var kernel = Kernel();
        var errors = Enumerable.Range(0, Simulator.Kernel.VcpuWorker.MaxPauseRequests + 2)
            .Select(_ => kernel.Tool.Ask((d, s) => D.Write(d, s, new PauseVcpu(0, false))).Error).ToList();
        Assert.Equal(0, errors[0]);
        Assert.Equal(-16, errors[^1]);
    }

    [Fact]
    public async Task Set_page_access()
    {
        await using var kernel = Kernel();
        Assert.Equal(0, Set(new PageAccessEntry(0, PageAccess.None)));
        Assert.Equal(0, Set(new PageAccessEntry(0, PageAccess.All)));
        Assert.Equal(0, Set(new PageAccessEntry(0x2000, PageAccess.Read), new PageAccessEntry(0x3000, PageAccess.None)));
        Assert.True(kernel.Machine.TryGetPageAccess(0x3000, out var access));
        Assert.Equal(PageAccess.None, access);

        // All entries are tried.
        Assert.Equal(-22, Set(new PageAccessEntry(0x4000, (PageAccess)8), new PageAccessEntry(0x3000, PageAccess.All)));
        Assert.True(kernel.Machine.TryGetPageAccess(0x3000, out access));
        Assert.Equal(PageAccess.All, access);
        Assert.Equal(D.Id == KvmiDialect.V7 ? 0 : -22, Set(new PageAccessEntry(0x7fffff000, PageAccess.Read)));

        int Set(params PageAccessEntry[] entries) => kernel.Tool.Ask((d, s) => D.WriteSetPageAccess(d, s, 0, entries)).Error;
    }
}
