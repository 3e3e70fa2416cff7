using System.Buffers.Binary;
using Kvmi.Protocol;
using Kvmi.Protocol.Commands;
using Kvmi.Simulator.Machine;

namespace Kvmi.Simulator.Tests.Kernel.Selftest;

public sealed class V12VcpuSelftestTests() : VcpuSelftest(KvmiDialect.V12)
{
    [Fact]
    public async Task Event_xsetbv_tells_register_and_values()
    {
        await using var kernel = Kernel();
        kernel.EnableEvent(EventKind.Xsetbv);
        kernel.Vcpu.Queue(new VcpuExit { Kind = VcpuExitKind.XcrWrite, Number = 0, OldValue = 1, NewValue = 7 });
        var message = kernel.Tool.Event(EventKind.Xsetbv);
        Assert.Equal([0, 0, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 7, 0, 0, 0, 0, 0, 0, 0], message.EventData);
        kernel.Tool.Answer(message);
        Assert.Equal("xcr", kernel.NextDone());
    }

    [Fact]
    public async Task Set_xsave_takes_4096_bytes_and_ignores_what_follows()
    {
        await using var kernel = Kernel();
        Assert.Equal(-22, kernel.Tool.AskRaw(21, new byte[8 + 4095]).Error);
        Assert.Equal(0, kernel.Tool.AskRaw(21, [.. new byte[8], .. Enumerable.Repeat((byte)3, 5000)]).Error);
        Assert.Equal(8 + 4096, kernel.Tool.AskRaw(19, new byte[8]).Payload.Length);
        Assert.Equal(3, kernel.Tool.AskRaw(19, new byte[8]).Payload[8 + 4095]);
    }

    [Fact]
    public async Task Control_singlestep_needs_no_event_to_be_enabled()
    {
        await using var kernel = Kernel();
        Assert.Equal(-22, kernel.Tool.Ask((d, s) => D.Write(d, s, new ControlSinglestep(0, 2))).Error);
        Assert.Equal(0, kernel.Tool.Ask((d, s) => D.Write(d, s, new ControlSinglestep(0, 1))).Error);
        kernel.Vcpu.Queue(new VcpuExit { Kind = VcpuExitKind.Singlestep });
        var message = kernel.Tool.Event(EventKind.Singlestep);
        Assert.Equal(new byte[8], message.EventData);
        Assert.Equal(0, kernel.Tool.Ask((d, s) => D.Write(d, s, new ControlSinglestep(0, 0))).Error);
        kernel.Tool.Answer(message);
        Assert.False(kernel.Vcpu.Singlestep);
    }

    [Theory]
    [InlineData(EventKind.PauseVcpu)]
    [InlineData(EventKind.Trap)]
    [InlineData(EventKind.Singlestep)]
    public async Task Events_that_answer_a_command_may_be_enabled_without_effect(EventKind kind)
    {
        await using var kernel = Kernel();
        Assert.Equal(0, kernel.EnableEvent(kind).Error);
        Assert.Equal(0, kernel.EnableEvent(kind, enable: 0).Error);
        kernel.Tool.Ask((d, s) => D.Write(d, s, new PauseVcpu(0, true)));
        kernel.Tool.Answer(kernel.Tool.Event(EventKind.PauseVcpu));
        Assert.Equal(0, kernel.Tool.Ask((d, s) => D.Write(d, s, new InjectException(0, 6, 0, 0))).Error);
        Assert.Equal(6, kernel.Tool.Event(EventKind.Trap).EventData[0]);
    }

    [Fact]
    public async Task Injection_is_refused_in_the_documents_order()
    {
        // Forbidden comes before anything that is wrong with the command (3.7).
        await using var forbidding = Kernel(events: [EventKind.PauseVcpu]);
        Assert.Equal(-1, forbidding.Tool.AskRaw(15, [.. new byte[8], 99, 1, .. new byte[14]]).Error);
        await using var kernel = Kernel();
        Assert.Equal(-22, kernel.Tool.AskRaw(15, [.. new byte[8], 6, 1, .. new byte[14]]).Error);
        Assert.Equal(-22, kernel.Tool.AskRaw(15, [.. new byte[8], 99, .. new byte[15]]).Error);
    }

    [Fact]
    public async Task Tsc_speed_is_what_the_machine_says()
    {
        await using var kernel = Kernel();
        var reply = kernel.Tool.Ask((d, s) => D.WriteVcpuOnly(d, s, CommandKind.GetVcpuInfo, 0));
        Assert.Equal(kernel.Machine.TscFrequency, BinaryPrimitives.ReadUInt64LittleEndian(reply.Payload[8..]));
    }
}
