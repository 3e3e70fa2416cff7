using Kvmi.Protocol;
using Kvmi.Protocol.Commands;
using Kvmi.Protocol.Events;

namespace Kvmi.Simulator.Tests.Kernel.Selftest;

public sealed class V7VmSelftestTests() : VmSelftest(KvmiDialect.V7)
{
    [Fact]
    public async Task The_features_of_get_version_are_what_the_kernel_side_does()
    {
        await using var kernel = Kernel();
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
    public async Task A_number_below_64_that_is_not_assigned_is_invalid()
    {
        await using var kernel = Kernel();
        Assert.Equal(-22, kernel.Tool.Ask((d, s) => D.Write(d, s, new CheckCommand(12))).Error);
    }

    [Fact]
    public async Task Set_page_access_in_another_view_is_not_supported()
    {
        await using var kernel = Kernel();
        Assert.Equal(-95, kernel.Tool.Ask((d, s) => D.WriteSetPageAccess(d, s, 1, [new PageAccessEntry(0x2000, PageAccess.Read)])).Error);
    }

    [Fact]
    public async Task Create_vcpu_events_come_once_when_enabled()
    {
        await using var kernel = Kernel(vcpus: 2, held: true);
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
        await using var kernel = Kernel();
        Assert.False(kernel.Hook.IsVmEventEnabled(EventKind.Unhook));
        Assert.Equal(0, kernel.Tool.Ask((d, s) => D.Write(d, s, new ControlVmEvents(0, 1))).Error);
        Assert.True(kernel.Hook.IsVmEventEnabled(EventKind.Unhook));
        kernel.Hook.SendVmEvent(EventBody.Plain(EventKind.Unhook));
        var message = kernel.Tool.Event(EventKind.Unhook);
        Assert.Equal(544, message.Payload.Length);
        Assert.Equal([0x20, 2], message.Payload[..2].ToArray());
        Assert.False(message.Payload[2..].ContainsAnyExcept((byte)0));
        Assert.Equal(0, kernel.Tool.Ask((d, s) => D.WriteEmpty(d, s, CommandKind.GetVmInfo)).Error);
    }
}
