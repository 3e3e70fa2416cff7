using Kvmi.Protocol;
using Kvmi.Protocol.Commands;
using Kvmi.Protocol.Dialects;
using Kvmi.Simulator.Machine.Model;
using Kvmi.Simulator.Programs;

namespace Kvmi.Simulator.Tests.Kernel;

/// <summary>The commands for views, #VE, sub-pages and frames on a machine that has them (kvmi-later-dialects.md 4.2).</summary>
public sealed class ViewCommandTests
{
    private const int Invalid = -22;
    private const int NotSupported = -95;
    private const ulong ProbeFrame = GuestLayout.ProbeGpa >> 12;
    private const ulong SpareFrame = 0x7000000 >> 12;

    private static Dialect Wire => RawTool.Dialect;

    [Theory]
    [InlineData(MachineHardware.Vmx, "0101010101000000")]
    [InlineData(MachineHardware.Svm, "0000000000000000")]
    public async Task The_feature_bytes_say_what_the_machine_has(MachineHardware hardware, string bytes)
    {
        await using var kernel = new ModelKernel(new GuestProgramBuilder(1), hardware);
        var reply = kernel.Tool.AskRaw(2);
        Assert.Equal(bytes, Convert.ToHexString(reply.Bytes.AsSpan(24, 8)));
    }

    [Fact]
    public async Task A_switched_view_is_the_one_that_is_read_back()
    {
        await using var kernel = new ModelKernel(new GuestProgramBuilder(2));
        Assert.Equal(0, Switch(kernel, 3));
        Assert.Equal((ushort)3, View(kernel, 0));
        Assert.Equal((ushort)0, View(kernel, 1));
        Assert.Equal(Invalid, Switch(kernel, 4));
        Assert.Equal(Invalid, kernel.Ask((d, s) => Wire.Write(d, s, new ControlEptView(0, 4, 1))));
        Assert.Equal(0, kernel.Ask((d, s) => Wire.Write(d, s, new ControlEptView(0, 3, 1))));
    }

    [Fact]
    public async Task A_violation_in_a_view_names_the_view()
    {
        var guest = new GuestProgramBuilder(1);
        guest[0].CallProbe();
        await using var kernel = new ModelKernel(guest);
        kernel.Enable(EventKind.PageFault);
        Assert.Equal(0, Restrict(kernel, 1, GuestLayout.ProbeGpa, PageAccess.ReadWrite));
        Assert.Equal(Invalid, Restrict(kernel, 4, GuestLayout.ProbeGpa, PageAccess.ReadWrite));
        Assert.Equal(0, Switch(kernel, 1));
        kernel.Release();

        var happened = kernel.Tool.Event(EventKind.PageFault);
        Assert.Equal(DecodeStatus.Ok, Wire.ReadEvent(happened.Bytes, out var frame));
        Assert.Equal(((ushort)1, (ushort)1, GuestLayout.ProbeGpa, PageAccess.Execute), (frame.View, frame.FaultView, frame.Gpa, frame.Access));

        // Back to the default view, and again: there the page is free.
        Assert.Equal(0, Switch(kernel, 0));
        kernel.Tool.Answer(happened, EventAction.Retry);
        await kernel.FinishAsync();
        Assert.Equal(1UL, GuestMailbox.Read(kernel.Machine, 0, GuestField.ProbeResult));
    }

    [Fact]
    public async Task A_changed_frame_runs_the_other_code_until_it_is_restored()
    {
        var guest = new GuestProgramBuilder(1);
        guest[0].CallProbe().Int3().CallProbe();
        await using var kernel = new ModelKernel(guest);
        kernel.Enable(EventKind.Breakpoint);

        // MOV EAX, 7; RET at the same place of another frame.
        Assert.True(kernel.Machine.TryWritePhysical((SpareFrame << 12) + (GuestLayout.ProbeGpa & 0xFFF), [0xB8, 7, 0, 0, 0, 0xC3]));
        Assert.Equal(0, kernel.Ask((d, s) => Wire.Write(d, s, new ChangeGfn(0, 0, ProbeFrame, SpareFrame))));
        kernel.Release();
        var happened = kernel.Tool.Event(EventKind.Breakpoint);
        Assert.Equal(7UL, GuestMailbox.Read(kernel.Machine, 0, GuestField.ProbeResult));

        Assert.Equal(0, kernel.Ask((d, s) => Wire.WriteOldChangeGfn(d, s, new ChangeGfn(0, 0, ProbeFrame, ProbeFrame))));
        kernel.Tool.Answer(happened, EventAction.Continue);
        await kernel.FinishAsync();
        Assert.Equal(1UL, GuestMailbox.Read(kernel.Machine, 0, GuestField.ProbeResult));
    }

    [Theory]
    [InlineData(0, ProbeFrame, ulong.MaxValue, -1)]
    [InlineData(4, ProbeFrame, SpareFrame, -22)]
    [InlineData(0, ProbeFrame, 1UL << 60, -2)]
    [InlineData(0, 1UL << 36, SpareFrame, -2)]
    public async Task A_frame_that_cannot_be_changed_is_an_error(ushort view, ulong oldFrame, ulong newFrame, int error)
    {
        await using var kernel = new ModelKernel(new GuestProgramBuilder(1));
        Assert.Equal(error, kernel.Ask((d, s) => Wire.Write(d, s, new ChangeGfn(0, view, oldFrame, newFrame))));
    }

    [Fact]
    public async Task A_sub_page_bitmap_lets_only_its_parts_be_written()
    {
        var guest = new GuestProgramBuilder(1);
        guest[0].WxViolation();
        await using var kernel = new ModelKernel(guest);
        kernel.Enable(EventKind.PageFault);
        Assert.Equal(0, Restrict(kernel, 0, GuestLayout.PayloadGpa, PageAccess.ReadExecute));
        Assert.Equal(0, kernel.Ask((d, s) => Wire.Write(d, s, new ControlSpp(1))));
        Assert.Equal(NotSupported, Bitmap(kernel, 1, 1));
        Assert.Equal(0, Bitmap(kernel, 0, 1));
        kernel.Release();
        await kernel.FinishAsync();
        Assert.Equal(1UL, GuestMailbox.Read(kernel.Machine, 0, GuestField.PayloadRan));
    }

    [Fact]
    public async Task A_violation_becomes_the_guests_own_exception()
    {
        var guest = new GuestProgramBuilder(1);
        guest[0].CallProbe();
        await using var kernel = new ModelKernel(guest);
        kernel.Enable(EventKind.PageFault);
        Assert.Equal(Invalid, kernel.Ask((d, s) => Wire.Write(d, s, new SetVeInfoPage(0, 1, 0))));
        Assert.Equal(0, kernel.Ask((d, s) => Wire.Write(d, s, new SetVeInfoPage(0, SpareFrame << 12, 0))));
        Assert.Equal(Invalid, kernel.Ask((d, s) => Wire.Write(d, s, new SetPageSve(9, 0, GuestLayout.ProbeGpa))));
        Assert.Equal(0, kernel.Ask((d, s) => Wire.Write(d, s, new SetPageSve(0, 0, GuestLayout.ProbeGpa))));
        Assert.Equal(0, Restrict(kernel, 0, GuestLayout.ProbeGpa, PageAccess.ReadWrite));
        kernel.Release();
        await kernel.FinishAsync();
        Assert.Equal(1UL, GuestMailbox.Read(kernel.Machine, 0, GuestField.Exceptions + 20));
        Assert.Equal(1UL, GuestMailbox.Read(kernel.Machine, 0, GuestField.StepsAborted));
    }

    [Fact]
    public async Task The_end_of_a_hook_takes_all_of_it_back()
    {
        var guest = new GuestProgramBuilder(1);
        guest[0].CallProbe();
        var kernel = new ModelKernel(guest);
        Assert.Equal(0, Switch(kernel, 1));
        Assert.Equal(0, Restrict(kernel, 1, GuestLayout.ProbeGpa, PageAccess.None));
        Assert.Equal(0, kernel.Ask((d, s) => Wire.Write(d, s, new ControlSpp(1))));
        await kernel.DisposeAsync();
        Assert.Equal(0, kernel.Machine.GetVcpu(0).Views!.Current);
        Assert.True(kernel.Machine.Views!.TryGetPageAccess(1, GuestLayout.ProbeGpa, out var access));
        Assert.Equal(PageAccess.All, access);
        Assert.False(kernel.Machine.Views!.SubPageProtection);
    }

    [Fact]
    public async Task Without_the_hardware_the_answers_are_the_captured_ones()
    {
        await using var kernel = new ModelKernel(new GuestProgramBuilder(1), MachineHardware.Svm);
        Assert.Equal(NotSupported, Switch(kernel, 1));
        Assert.Equal(NotSupported, Restrict(kernel, 1, GuestLayout.ProbeGpa, PageAccess.None));
        Assert.Equal(Invalid, kernel.Ask((d, s) => Wire.Write(d, s, new ControlEptView(0, 1, 1))));
        Assert.Equal(Invalid, kernel.Ask((d, s) => Wire.Write(d, s, new SetVeInfoPage(0, 0xE000, 0))));
        Assert.Equal(NotSupported, kernel.Ask((d, s) => Wire.Write(d, s, new ControlSpp(1))));
        Assert.Equal(NotSupported, Bitmap(kernel, 0, 1));
        Assert.Equal(NotSupported, kernel.Ask((d, s) => Wire.WriteOldChangeGfn(d, s, new ChangeGfn(0, 0, 0x11, 0x12))));
        Assert.Equal(Invalid, kernel.Ask((d, s) => Wire.Write(d, s, new ControlSinglestep(0, 1))));
    }

    private static int Switch(ModelKernel kernel, ushort view) => kernel.Ask((d, s) => Wire.Write(d, s, new SwitchEptView(0, view)));

    private static ushort View(ModelKernel kernel, byte vcpu)
    {
        var reply = kernel.Tool.AskRaw(34, vcpu, 0, 0, 0, 0, 0, 0, 0);
        return BitConverter.ToUInt16(reply.Bytes.AsSpan(16));
    }

    private static int Restrict(ModelKernel kernel, ushort view, ulong gpa, PageAccess access) =>
        kernel.Ask((d, s) => Wire.WriteSetPageAccess(d, s, view, [new PageAccessEntry(gpa, access)]));

    private static int Bitmap(ModelKernel kernel, ushort view, uint bitmap) =>
        kernel.Ask((d, s) => Wire.WriteSetPageWriteBitmap(d, s, view, [new PageWriteBitmapEntry(GuestLayout.PayloadGpa, bitmap)]));
}
