using Kvmi.Protocol;
using Kvmi.Protocol.Commands;

namespace Kvmi.Simulator.Tests.Kernel;

/// <summary>Which commands count as arming: a scenario waits for the first of them.</summary>
public sealed class ArmingTests
{
    private static Kvmi.Protocol.Dialects.Dialect D => RawTool.Dialect;

    [Fact]
    public async Task Looking_and_switching_off_arm_nothing()
    {
        await using var kernel = new KernelFixture();
        Assert.Equal(0, kernel.Tool.Ask((d, s) => D.WriteEmpty(d, s, CommandKind.GetVersion)).Error);
        Assert.Equal(0, kernel.Tool.Ask((d, s) => D.WriteEmpty(d, s, CommandKind.GetVmInfo)).Error);
        Assert.Equal(0, kernel.Tool.Ask((d, s) => D.Write(d, s, new ReadPhysical(0, 8))).Error);
        Assert.Equal(0, kernel.Tool.Ask((d, s) => D.Write(d, s, new ControlVmEvents(0, 1))).Error);
        Assert.Equal(0, kernel.EnableEvent(EventKind.Cr, enable: 0).Error);
        Assert.Equal(0, kernel.Tool.Ask((d, s) => D.Write(d, s, new ControlCr(0, 3, 0))).Error);
        Assert.Equal(0, kernel.Tool.Ask((d, s) => D.Write(d, s, new ControlMsr(0, 0xc0000082, 0))).Error);
        Assert.Equal(0, kernel.Tool.Ask((d, s) => D.Write(d, s, new ControlSinglestep(0, 0))).Error);
        Assert.Equal(0, kernel.Tool.Ask((d, s) => D.WriteSetPageAccess(d, s, 0, [new PageAccessEntry(0x2000, PageAccess.All)])).Error);
        Assert.Equal(-22, kernel.Tool.Ask((d, s) => D.Write(d, s, new ControlCr(0, 8, 1))).Error);
        Assert.False(kernel.Hook.IsArmed);
    }

    [Theory]
    [InlineData("CREATE_VCPU")]
    [InlineData("CONTROL_EVENTS")]
    [InlineData("CONTROL_CR")]
    [InlineData("CONTROL_MSR")]
    [InlineData("SET_PAGE_ACCESS")]
    [InlineData("CONTROL_SINGLESTEP")]
    [InlineData("PAUSE_VCPU")]
    public async Task Each_of_these_arms(string command)
    {
        await using var kernel = new KernelFixture(held: true);
        Assert.Equal(0, kernel.Tool.Ask((d, s) => command switch
        {
            "CREATE_VCPU" => D.Write(d, s, new ControlVmEvents(9, 1)),
            "CONTROL_EVENTS" => D.Write(d, s, new ControlEvents(0, 1, 1)),
            "CONTROL_CR" => D.Write(d, s, new ControlCr(0, 3, 1)),
            "CONTROL_MSR" => D.Write(d, s, new ControlMsr(0, 0xc0000082, 1)),
            "SET_PAGE_ACCESS" => D.WriteSetPageAccess(d, s, 0, [new PageAccessEntry(0x2000, PageAccess.Read)]),
            "CONTROL_SINGLESTEP" => D.Write(d, s, new ControlSinglestep(0, 1)),
            _ => D.Write(d, s, new PauseVcpu(0, true)),
        }).Error);
        Assert.True(kernel.Hook.IsArmed);
    }
}
