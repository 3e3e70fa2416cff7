using Kvmi.Simulator.Machine.Model;
using Kvmi.Simulator.Programs;

namespace Kvmi.Simulator.Tests.Programs;

/// <summary>Each block without a trap: what an unprotected guest does to itself.</summary>
public sealed class GuestProgramTests
{
    [Fact]
    public void A_guest_boots_and_halts()
    {
        var machine = new GuestProgramBuilder(2).BuildMachine();
        for (var vcpu = 0; vcpu < 2; vcpu++)
        {
            Assert.Empty(GuestRun.ToEnd(machine, vcpu));
            Assert.Equal(1UL, machine.Field(GuestField.Booted, vcpu));
            Assert.Equal(1UL, machine.Field(GuestField.Done, vcpu));
            machine.GetVcpu(vcpu).GetState(out var state);
            Assert.Equal(GuestLayout.SyscallEntryGva, state.Msrs.Lstar);
            Assert.Equal(0x10, state.Sregs.Cs.Selector);
            Assert.Equal(0x18, state.Sregs.Ss.Selector);
            Assert.Equal(0x40, state.Sregs.Tr.Selector);
            Assert.Equal(GuestLayout.BootRoot, state.Sregs.Cr3);
            Assert.Equal(ControlBits.Cr4Smep | ControlBits.Cr4Smap | ControlBits.Cr4Umip, state.Sregs.Cr4 & ~(ControlBits.Cr4Pae | ControlBits.Cr4Osxsave));
            Assert.Equal(GuestLayout.MailboxGva(vcpu), state.Sregs.Gs.Base);
        }
    }

    [Fact]
    public void Process_switches_run_user_code_that_makes_system_calls()
    {
        var machine = Run(program => program.ProcessSwitches(13));
        Assert.Equal(13UL, machine.Field(GuestField.Switches));
        Assert.Equal(26UL, machine.Field(GuestField.Syscalls));
        Assert.Equal(GuestLayout.ProcessRoot(13 % GuestLayout.ProcessCount), machine.Field(GuestField.Cr3After));
        Assert.Equal(0UL, machine.Field(GuestField.UserFaults));
        Assert.Equal(1UL, machine.Field(GuestField.StepsDone));
    }

    [Fact]
    public void A_hijacked_LSTAR_sees_all_later_system_calls()
    {
        var machine = Run(program => program.Syscalls(3).LstarHijack().Syscalls(5));
        Assert.Equal(GuestLayout.HijackedEntryGva, machine.Field(GuestField.LstarAfter));
        Assert.Equal(6UL, machine.Field(GuestField.HijackedSyscalls));
        Assert.Equal(10UL, machine.Field(GuestField.Syscalls));
    }

    [Fact]
    public void SMEP_stops_kernel_code_from_running_user_pages_until_it_is_cleared()
    {
        var machine = Run(program => program.ReturnToUser());
        Assert.Equal(0UL, machine.Field(GuestField.UserPayloadRan));
        Assert.Equal(1UL, machine.Field(GuestField.PageFaults));
        Assert.Equal(1UL, machine.Field(GuestField.StepsAborted));
        Assert.Equal(GuestLayout.UserPayloadGva, machine.Field(GuestField.LastCr2));
        Assert.Equal(0x11UL, machine.Field(GuestField.LastErrorCode));

        machine = Run(program => program.SmepClear().ReturnToUser());
        Assert.Equal(1UL, machine.Field(GuestField.UserPayloadRan));
        Assert.Equal(0UL, machine.Field(GuestField.PageFaults));
        Assert.Equal(0UL, machine.Field(GuestField.Cr4After) & ControlBits.Cr4Smep);
    }

    [Fact]
    public void Control_bits_can_be_cleared()
    {
        var machine = Run(program => program.SmapClear().UmipClear().WriteProtectClear());
        Assert.Equal(0UL, machine.Field(GuestField.Cr4After) & (ControlBits.Cr4Smap | ControlBits.Cr4Umip));
        Assert.NotEqual(0UL, machine.Field(GuestField.Cr4After) & ControlBits.Cr4Smep);
        Assert.Equal(0UL, machine.Field(GuestField.Cr0After) & ControlBits.Cr0Wp);
    }

    [Fact]
    public void Freshly_written_kernel_code_runs()
    {
        var machine = Run(program => program.WxViolation().WxViolation());
        Assert.Equal(2UL, machine.Field(GuestField.PayloadRan));
        Assert.Equal(2UL, machine.Field(GuestField.StepsDone));
    }

    [Fact]
    public void A_patched_gate_takes_the_breakpoint()
    {
        var machine = Run(program => program.Int3(2).IdtPatch().Int3());
        Assert.Equal(2UL, machine.Field(GuestField.Breakpoints));
        Assert.Equal(2UL, machine.Field(GuestField.HijackedGateRan));
        Assert.Equal(3UL, machine.Field(GuestField.StepsDone));
    }

    [Fact]
    public void A_patched_entry_sees_all_later_system_calls()
    {
        var machine = Run(program => program.Syscalls(3).EntryPatch().Syscalls(5));
        Assert.Equal(6UL, machine.Field(GuestField.HijackedSyscalls));
        Assert.Equal(10UL, machine.Field(GuestField.Syscalls));
        Assert.Equal(0xE9UL, machine.Field(GuestField.SyscallEntryAfter) & 0xFF);
        Assert.Equal((0UL, 0UL), (machine.Field(GuestField.UserFaults), machine.Field(GuestField.StepsAborted)));
    }

    [Fact]
    public void Code_in_a_module_loads_a_table_of_its_own_that_works()
    {
        var machine = Run(program => program.IdtrLoad().Int3(2));
        Assert.Equal(GuestLayout.MovedIdtGva, machine.Field(GuestField.IdtAfter));
        Assert.Equal(2UL, machine.Field(GuestField.Breakpoints));
        machine.GetVcpu(0).GetState(out var state);
        Assert.Equal(GuestLayout.MovedIdtGva, state.Sregs.Idt.Base);
    }

    [Fact]
    public void Registers_that_boot_has_set_can_be_attacked()
    {
        var machine = Run(program => program.SysenterHijack().SfmaskWeaken().ApicMove().VmxSwitchOn());
        Assert.Equal(GuestLayout.HijackedEntryGva, machine.Field(GuestField.SysenterAfter));
        Assert.Equal(0x7500UL, machine.Field(GuestField.SfmaskAfter));
        Assert.Equal(0x10_0900UL, machine.Field(GuestField.ApicBaseAfter));
        Assert.NotEqual(0UL, machine.Field(GuestField.Cr4SetAfter) & ControlBits.Cr4Vmxe);
        Assert.Equal(0UL, machine.Field(GuestField.StepsAborted));
    }

    [Fact]
    public void Without_SCE_the_kernel_cannot_return_to_user_code()
    {
        var machine = Run(program => program.Syscalls(3).SceClear().Syscalls(3));
        Assert.Equal(0UL, machine.Field(GuestField.EferAfter) & ControlBits.EferSce);
        Assert.Equal(4UL, machine.Field(GuestField.Syscalls));
        Assert.Equal((1UL, 1UL), (machine.Field(GuestField.StepsAborted), machine.Field(GuestField.InvalidOpcodes)));
    }

    [Fact]
    public void The_other_steps_record_what_they_saw()
    {
        var machine = Run(program => program.Hypercall().DescriptorLoads().WriteMsr(MsrIndex.SysenterEip, 0xFFFF_FFFF_8100_1234)
            .Xsetbv(3).Cpuid(0).CallProbe().Delay(10));
        Assert.Equal(unchecked((ulong)-1000L), machine.Field(GuestField.HypercallResult));
        Assert.Equal(0x4FUL, machine.Field(GuestField.StoredGdt) & 0xFFFF);
        Assert.Equal(0x1FFUL, machine.Field(GuestField.StoredIdt) & 0xFFFF);
        Assert.Equal(0x40UL, machine.Field(GuestField.StoredTr));
        Assert.Equal(0xFFFF_FFFF_8100_1234, machine.Field(GuestField.MsrAfter));
        Assert.Equal(3UL, machine.Field(GuestField.Xcr0After));
        Assert.Equal(0xDUL, machine.Field(GuestField.CpuidResult));
        Assert.Equal(1UL, machine.Field(GuestField.ProbeResult));
        Assert.Equal(7UL, machine.Field(GuestField.StepsDone));
        Assert.Equal(0UL, machine.Field(GuestField.StepsAborted));
    }

    [Fact]
    public void An_unknown_MSR_is_a_general_protection_fault_that_the_guest_survives()
    {
        var machine = Run(program => program.WriteMsr(0x1234, 1).CallProbe());
        Assert.Equal(1UL, machine.Field(GuestField.GeneralProtections));
        Assert.Equal(1UL, machine.Field(GuestField.StepsAborted));
        Assert.Equal(1UL, machine.Field(GuestField.StepsDone));
    }

    [Fact]
    public void Steps_repeat()
    {
        var machine = Run(program => program.CallProbe().ProcessSwitches(2).Repeat(1, 5));
        Assert.Equal(10UL, machine.Field(GuestField.Switches));
    }

    [Fact]
    public void The_default_guest_shows_every_attack()
    {
        var machine = GuestPrograms.Default(2).BuildMachine();
        for (var vcpu = 0; vcpu < 2; vcpu++) GuestRun.ToEnd(machine, vcpu);
        Assert.Equal(24UL + 1, machine.Field(GuestField.Switches) + machine.Field(GuestField.PayloadRan));
        Assert.Equal(24UL, machine.Field(GuestField.Switches, 1));
        Assert.Equal(0UL, machine.Field(GuestField.HijackedSyscalls, 1));
        Assert.NotEqual(0UL, machine.Field(GuestField.HijackedSyscalls));
        Assert.Equal(0UL, machine.Field(GuestField.Panic));
    }

    [Fact]
    public void Sixteen_vcpus_run_in_parallel_without_seeing_each_other()
    {
        var machine = GuestPrograms.Default(GuestLayout.MaxVcpus).BuildMachine();
        Parallel.For(0, GuestLayout.MaxVcpus, vcpu => GuestRun.ToEnd(machine, vcpu));
        for (var vcpu = 0; vcpu < GuestLayout.MaxVcpus; vcpu++)
        {
            Assert.Equal(24UL, machine.Field(GuestField.Switches, vcpu));
            Assert.Equal(0UL, machine.Field(GuestField.UserFaults, vcpu));
        }
    }

    [Fact]
    public void Blocks_are_found_by_name()
    {
        var guest = new GuestProgramBuilder(1);
        Assert.All(GuestPrograms.Names, name => Assert.True(GuestPrograms.TryAdd(guest[0], name, 2)));
        Assert.False(GuestPrograms.TryAdd(guest[0], "smep", 1));
        var machine = guest.BuildMachine();
        GuestRun.ToEnd(machine, 0);
        Assert.Equal(0UL, machine.Field(GuestField.Panic));
        Assert.Equal((ulong)GuestPrograms.Names.Count - 1, machine.Field(GuestField.StepsDone) + machine.Field(GuestField.StepsAborted));
    }

    [Fact]
    public void A_program_that_does_not_fit_is_refused()
    {
        var program = new GuestProgramBuilder(1)[0];
        var error = Assert.Throws<InvalidOperationException>(() =>
        {
            for (var step = 0; step < 1000; step++) program.CallProbe();
        });
        Assert.Contains("Repeat", error.Message, StringComparison.Ordinal);
    }

    private static ModelMachine Run(Action<VcpuProgramBuilder> add)
    {
        var machine = new GuestProgramBuilder(1).OnEach(add).BuildMachine();
        GuestRun.ToEnd(machine, 0);
        return machine;
    }
}
