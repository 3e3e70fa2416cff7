using Kvmi.Kvm.Debugging;
using Kvmi.Kvm.Running;
using Kvmi.Kvm.Tests.Support;

namespace Kvmi.Kvm.Tests.Debugging;

public class GuestDebugTests
{
    [Fact]
    public void Single_step_leaves_the_guest_after_each_instruction()
    {
        // mov al, 1; inc ax; nop; hlt
        using var guest = new RealModeGuest(0xB0, 0x01, 0x40, 0x90, 0xF4);
        guest.Vcpu.SetGuestDebug(new GuestDebug { SingleStep = true });
        foreach (var next in new ulong[] { 0x502, 0x503, 0x504 })
        {
            var stop = guest.Vcpu.Run();
            Assert.Equal(KvmExitReason.Debug, stop.Reason);
            Assert.True(stop.Debug!.IsStep);
            Assert.Equal(next, stop.Debug.Address);
            Assert.Equal(next, guest.Vcpu.GetRegisters().Rip);
        }

        guest.Vcpu.SetGuestDebug(GuestDebug.Off);
        Assert.Equal(KvmExitReason.Hlt, guest.Vcpu.Run().Reason);
        Assert.Equal(2UL, guest.Vcpu.GetRegisters().Rax);
    }

    [Fact]
    public void A_software_breakpoint_stops_at_the_int3_and_not_after_it()
    {
        // nop; int3; hlt; the vector leads to another hlt, where the guest must not come
        using var guest = new RealModeGuest(0x90, 0xCC, 0xF4);
        guest.Memory.Write(3 * 4, [0x00, 0x07, 0x00, 0x00]);
        guest.Memory.Write(0x700, [0xF4]);
        guest.Vcpu.SetGuestDebug(new GuestDebug { SoftwareBreakpoints = true });
        var stop = guest.Vcpu.Run();
        RealKvm.SkipIfItDoesNotDebug(stop.Reason == KvmExitReason.Hlt && guest.Vcpu.GetRegisters().Rip == 0x701, "gives INT3 to the guest all the same");
        Assert.Equal(KvmExitReason.Debug, stop.Reason);
        Assert.Equal((KvmDebugStop.BreakpointException, 0x501UL), (stop.Debug!.Exception, stop.Debug.Address));
        Assert.False(stop.Debug.IsStep);

        // The tool's part: the byte that was there goes back, and the guest runs on through it.
        guest.Memory.Write(0x501, [0x90]);
        Assert.Equal(KvmExitReason.Hlt, guest.Vcpu.Run().Reason);
        Assert.Equal(0x503UL, guest.Vcpu.GetRegisters().Rip);
    }

    [Fact]
    public void The_example_of_the_readme_runs()
    {
        using var system = RealKvm.Open();
        using var vm = RealKvm.CreateVm(system);
        vm.AddMemory(slot: 0, guestAddress: 0xFFFF_F000, size: 4096).Write(0xFF0, [0x90, 0xF4]);
        var vcpu = vm.CreateVcpu(0);
        vcpu.SetGuestDebug(new GuestDebug { SingleStep = true });
        Assert.Equal(KvmExitReason.Debug, vcpu.Run().Reason);
        vcpu.SetGuestDebug(GuestDebug.Off);
        Assert.Equal(KvmExitReason.Hlt, vcpu.Run().Reason);
    }

    [Fact]
    public void Without_debugging_the_guest_has_its_own_int3()
    {
        // int3; hlt; the vector leads to the hlt at 0x700
        using var guest = new RealModeGuest(0xCC, 0xF4);
        guest.Memory.Write(3 * 4, [0x00, 0x07, 0x00, 0x00]);
        guest.Memory.Write(0x700, [0xF4]);
        Assert.Equal(KvmExitReason.Hlt, guest.Vcpu.Run().Reason);
        Assert.Equal(0x701UL, guest.Vcpu.GetRegisters().Rip);
    }

    [Theory]
    [InlineData(true, 3)]
    [InlineData(false, 1)]
    public void An_injected_exception_reaches_the_guests_handler(bool breakpoint, int vector)
    {
        using var guest = new RealModeGuest(0x90, 0x90, 0xF4);
        guest.Memory.Write(vector * 4, [0x00, 0x07, 0x00, 0x00]);
        guest.Memory.Write(0x700, [0xF4]);
        guest.Vcpu.SetGuestDebug(new GuestDebug { InjectBreakpointException = breakpoint, InjectDebugException = !breakpoint });
        Assert.Equal(KvmExitReason.Hlt, guest.Vcpu.Run().Reason);
        Assert.Equal(0x701UL, guest.Vcpu.GetRegisters().Rip);
    }

    [Fact]
    public void A_hardware_breakpoint_stops_before_its_instruction()
    {
        using var guest = new RealModeGuest(0x90, 0x90, 0x90, 0xF4);
        guest.Vcpu.SetGuestDebug(new GuestDebug { HardwareBreakpoints = [new(0x999), new(0x502)] });
        var stop = guest.Vcpu.Run();
        Assert.Equal(KvmExitReason.Debug, stop.Reason);
        Assert.Equal((KvmDebugStop.DebugException, 0x502UL, 2UL), (stop.Debug!.Exception, stop.Debug.Address, stop.Debug.Dr6 & 0xF));
        guest.Vcpu.SetGuestDebug(GuestDebug.Off);
        Assert.Equal(KvmExitReason.Hlt, guest.Vcpu.Run().Reason);
    }

    [Fact]
    public void A_hardware_watchpoint_stops_after_the_write()
    {
        // mov ax, 7; mov [0x600], ax; nop; hlt
        using var guest = new RealModeGuest(0xB8, 0x07, 0x00, 0xA3, 0x00, 0x06, 0x90, 0xF4);
        guest.Vcpu.SetGuestDebug(new GuestDebug { HardwareBreakpoints = [new(0x600, BreakpointAccess.Write, 2)] });
        var stop = guest.Vcpu.Run();
        RealKvm.SkipIfItDoesNotDebug(stop.Reason == KvmExitReason.Hlt, "does not watch data for the process");
        Assert.Equal(KvmExitReason.Debug, stop.Reason);
        Assert.Equal((0x506UL, 1UL), (stop.Debug!.Address, stop.Debug.Dr6 & 0xF));
    }

    [Fact]
    public void The_argument_is_laid_out_as_the_header_says()
    {
        var bytes = new byte[GuestDebug.Length];
        new GuestDebug { SingleStep = true, HardwareBreakpoints = [new(0x1000), new(0x2008, BreakpointAccess.Write, 8)] }.Write(bytes);
        Assert.Equal(0x20003u, BitConverter.ToUInt32(bytes, 0));
        Assert.Equal(0u, BitConverter.ToUInt32(bytes, 4));
        Assert.Equal(0x1000UL, BitConverter.ToUInt64(bytes, 8));
        Assert.Equal(0x2008UL, BitConverter.ToUInt64(bytes, 16));

        // G0 and G1, bits 9 and 10, and for breakpoint 1 a write of 8 bytes: type 01, length 10.
        Assert.Equal(0x0090_060AUL, BitConverter.ToUInt64(bytes, 64));

        GuestDebug.Off.Write(bytes);
        Assert.All(bytes, value => Assert.Equal(0, value));
    }

    [Fact]
    public void Breakpoints_that_the_processor_cannot_hold_are_refused()
    {
        var bytes = new byte[GuestDebug.Length];
        void Refused(params HardwareBreakpoint[] breakpoints) =>
            Assert.Throws<ArgumentException>(() => new GuestDebug { HardwareBreakpoints = breakpoints }.Write(bytes));
        Refused(new(1), new(2), new(3), new(4), new(5));
        Refused(new HardwareBreakpoint(0x1000, BreakpointAccess.Write, 3));
        Refused(new HardwareBreakpoint(0x1002, BreakpointAccess.Write, 4));
        Refused(new HardwareBreakpoint(0x1000, BreakpointAccess.Execute, 4));
        Refused(new HardwareBreakpoint(0x1000, (BreakpointAccess)2));
    }
}
