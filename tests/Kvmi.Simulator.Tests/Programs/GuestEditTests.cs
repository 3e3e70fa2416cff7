using Kvmi.Protocol;
using Kvmi.Simulator.Machine;
using Kvmi.Simulator.Machine.Model;
using Kvmi.Simulator.Programs;

namespace Kvmi.Simulator.Tests.Programs;

/// <summary>A tool's edits have consequences in the guest.</summary>
public sealed class GuestEditTests
{
    [Fact]
    public void A_kept_LSTAR_stays_and_system_calls_go_on()
    {
        var machine = Build(program => program.LstarHijack().Syscalls(5));
        machine.GetVcpu(0).Traps.TrySetMsr(MsrIndex.Lstar, true);
        var exits = GuestRun.ToEnd(machine, 0, (vcpu, exit) =>
            vcpu.CompleteMsrWrite(exit.OldValue == 0 ? exit.NewValue : exit.OldValue));
        Assert.Equal(2, exits.Count);
        Assert.All(exits, exit => Assert.Equal((VcpuExitKind.MsrWrite, MsrIndex.Lstar), (exit.Kind, exit.Number)));
        Assert.Equal(GuestLayout.HijackedEntryGva, exits[1].NewValue);
        Assert.Equal(GuestLayout.SyscallEntryGva, machine.Field(GuestField.LstarAfter));
        Assert.Equal(0UL, machine.Field(GuestField.HijackedSyscalls));
        Assert.Equal(6UL, machine.Field(GuestField.Syscalls));
    }

    [Fact]
    public void A_replaced_value_is_what_the_guest_gets()
    {
        var machine = Build(program => program.WriteMsr(MsrIndex.SysenterEip, 0x1111));
        machine.GetVcpu(0).Traps.TrySetMsr(MsrIndex.SysenterEip, true);
        var exits = GuestRun.ToEnd(machine, 0, (vcpu, _) => vcpu.CompleteMsrWrite(0x2222));
        Assert.Equal((0UL, 0x1111UL), (exits[0].OldValue, exits[0].NewValue));
        Assert.Equal(0x2222UL, machine.Field(GuestField.MsrAfter));
    }

    [Fact]
    public void A_kept_CR4_stays_and_SMEP_goes_on_protecting()
    {
        var machine = Build(program => program.SmepClear().ReturnToUser());
        machine.GetVcpu(0).Traps.TrySetCr(4, true);
        var exits = GuestRun.ToEnd(machine, 0, (vcpu, exit) =>
            vcpu.CompleteCrWrite((exit.OldValue & ~exit.NewValue & ControlBits.Cr4Smep) != 0 ? exit.OldValue : exit.NewValue));
        Assert.Equal(2, exits.Count);
        Assert.NotEqual(0UL, machine.Field(GuestField.Cr4After) & ControlBits.Cr4Smep);
        Assert.Equal(0UL, machine.Field(GuestField.UserPayloadRan));
        Assert.Equal(1UL, machine.Field(GuestField.PageFaults));
    }

    [Fact]
    public void Every_CR3_switch_is_reported_and_a_kept_one_stays()
    {
        var machine = Build(program => program.ProcessSwitches(8));
        machine.GetVcpu(0).Traps.TrySetCr(3, true);
        var exits = GuestRun.ToEnd(machine, 0, GuestRun.Allow);
        Assert.Equal(8, exits.Count);
        Assert.Equal(GuestLayout.BootRoot, exits[0].OldValue);
        Assert.Equal(GuestLayout.ProcessCount, exits.Select(exit => exit.NewValue).Distinct().Count());

        machine = Build(program => program.ProcessSwitches(2));
        machine.GetVcpu(0).Traps.TrySetCr(3, true);
        var first = true;
        GuestRun.ToEnd(machine, 0, (vcpu, exit) =>
        {
            vcpu.CompleteCrWrite(first ? exit.NewValue : exit.OldValue);
            first = false;
        });
        Assert.Equal(GuestLayout.ProcessRoot(1), machine.Field(GuestField.Cr3After));
    }

    [Fact]
    public void An_injected_UD_instead_of_fresh_code_reaches_the_handler()
    {
        var machine = Build(program => program.WxViolation().CallProbe());
        Watch(machine);
        var exits = GuestRun.ToEnd(machine, 0, (vcpu, exit) =>
        {
            if (exit.Kind == VcpuExitKind.Exception) return;
            if ((exit.Access & PageAccess.Write) != 0) machine.TrySetPageAccess(exit.Gpa, PageAccess.ReadWrite);
            else Assert.True(vcpu.TryInjectException(ExceptionVector.InvalidOpcode, 0, 0));
        });
        Assert.Equal([VcpuExitKind.PageAccess, VcpuExitKind.PageAccess, VcpuExitKind.Exception], exits.Select(exit => exit.Kind));
        Assert.Equal((GuestLayout.PayloadGva, GuestLayout.PayloadGpa, PageAccess.Write), (exits[0].Gva, exits[0].Gpa, exits[0].Access));
        Assert.Equal((GuestLayout.PayloadGva, GuestLayout.PayloadGpa, PageAccess.Execute), (exits[1].Gva, exits[1].Gpa, exits[1].Access));
        Assert.Equal(0UL, machine.Field(GuestField.PayloadRan));
        Assert.Equal(1UL, machine.Field(GuestField.InvalidOpcodes));
        Assert.Equal(1UL, machine.Field(GuestField.StepsAborted));
        Assert.Equal(GuestLayout.PayloadGva, machine.Field(GuestField.LastRip));

        // The guest goes on behind it.
        Assert.Equal(1UL, machine.Field(GuestField.ProbeResult));
    }

    [Fact]
    public void Fresh_code_that_is_allowed_runs()
    {
        var machine = Build(program => program.WxViolation());
        Watch(machine);
        GuestRun.ToEnd(machine, 0, (_, exit) =>
            machine.TrySetPageAccess(exit.Gpa, exit.Access == PageAccess.Write ? PageAccess.ReadWrite : PageAccess.ReadExecute));
        Assert.Equal(1UL, machine.Field(GuestField.PayloadRan));
    }

    [Fact]
    public void Watched_kernel_text_is_quiet_but_for_the_violation()
    {
        var machine = GuestPrograms.Default(1).BuildMachine();
        Watch(machine);
        var exits = GuestRun.ToEnd(machine, 0, (_, exit) => machine.TrySetPageAccess(exit.Gpa, PageAccess.All));
        Assert.Equal(GuestLayout.PayloadGpa, Assert.Single(exits).Gpa);
    }

    [Fact]
    public void An_emulated_write_to_a_watched_page_lands()
    {
        var machine = Build(program => program.WxViolation());
        Watch(machine);
        var exits = GuestRun.ToEnd(machine, 0, GuestRun.Allow);

        // Two stores; execution is allowed by the watch.
        Assert.Equal(2, exits.Count);
        Assert.Equal(1UL, machine.Field(GuestField.PayloadRan));
    }

    [Fact]
    public void A_skipped_write_leaves_the_gate_alone()
    {
        var machine = Build(program => program.IdtPatch());
        machine.Traps.PageAccess = true;
        machine.TrySetPageAccess(GuestLayout.IdtGpa(0), PageAccess.ReadExecute);
        var exits = GuestRun.ToEnd(machine, 0, (vcpu, exit) => GuestRun.Skip(vcpu, InstructionLength(machine, vcpu)));
        Assert.Equal(2, exits.Count);
        Assert.Equal(GuestLayout.IdtGpa(0) + (3 * 16), exits[0].Gpa);
        Assert.Equal(0UL, machine.Field(GuestField.HijackedGateRan));
        Assert.Equal(1UL, machine.Field(GuestField.Breakpoints));
    }

    [Fact]
    public void A_skipped_breakpoint_never_reaches_the_guest()
    {
        var machine = Build(program => program.Int3(3));
        machine.GetVcpu(0).Traps.Breakpoint = true;
        var exits = GuestRun.ToEnd(machine, 0, (vcpu, exit) => GuestRun.Skip(vcpu, exit.Length));
        Assert.Equal(3, exits.Count);
        Assert.Equal(0UL, machine.Field(GuestField.Breakpoints));
        Assert.Equal(1UL, machine.Field(GuestField.StepsDone));

        machine = Build(program => program.Int3(3));
        machine.GetVcpu(0).Traps.Breakpoint = true;
        GuestRun.ToEnd(machine, 0, GuestRun.Allow);
        Assert.Equal(3UL, machine.Field(GuestField.Breakpoints));
    }

    [Fact]
    public void A_patched_byte_is_executed_also_when_the_code_has_run_before()
    {
        var machine = Build(program => program.CallProbe().Int3().CallProbe());
        machine.GetVcpu(0).Traps.Breakpoint = true;
        GuestRun.ToEnd(machine, 0, (vcpu, exit) =>
        {
            Assert.Equal(1UL, machine.Field(GuestField.ProbeResult));
            Assert.True(machine.TryWritePhysical(GuestLayout.ProbeGpa + 1, [0x2A]));
            GuestRun.Skip(vcpu, exit.Length);
        });
        Assert.Equal(0x2AUL, machine.Field(GuestField.ProbeResult));
    }

    [Fact]
    public void A_hypercall_gets_the_tools_answer_and_sees_its_register_edits()
    {
        var machine = Build(program => program.Hypercall(77));
        machine.GetVcpu(0).Traps.Hypercall = true;
        var exits = GuestRun.ToEnd(machine, 0, (vcpu, _) =>
        {
            vcpu.GetState(out var state);
            Assert.Equal((34UL, 24UL, 0UL, 77UL), (state.Regs.Rax, state.Regs.Rdi, state.Regs.Rsi, state.Regs.Rdx));
            vcpu.CompleteHypercall(4711);
        });
        Assert.Equal(VcpuExitKind.Hypercall, Assert.Single(exits).Kind);
        Assert.Equal(4711UL, machine.Field(GuestField.HypercallResult));
    }

    [Fact]
    public void Descriptor_accesses_of_boot_and_program_are_reported_in_order()
    {
        var machine = Build(program => program.DescriptorLoads());
        machine.GetVcpu(0).Traps.Descriptor = true;
        var exits = GuestRun.ToEnd(machine, 0, GuestRun.Allow);
        Assert.Equal(
            [
                (DescriptorTable.Gdtr, true), (DescriptorTable.Tr, true), (DescriptorTable.Idtr, true),
                (DescriptorTable.Gdtr, false), (DescriptorTable.Idtr, false), (DescriptorTable.Tr, false),
                (DescriptorTable.Gdtr, true), (DescriptorTable.Idtr, true), (DescriptorTable.Ldtr, true),
            ],
            exits.Select(exit => (exit.Table, exit.IsWrite)));
        Assert.Equal(0UL, machine.Field(GuestField.StepsAborted));
    }

    [Fact]
    public void An_exception_injected_between_SYSCALL_and_the_kernel_stack_is_survived()
    {
        // Execution of the entry page is trapped: RIP is then at the first byte, stack and GS are still the user's.
        var machine = Build(program => program.Syscalls(2).CallProbe());
        machine.Traps.PageAccess = true;
        machine.TrySetPageAccess(GuestLayout.SyscallEntryGpa, PageAccess.ReadWrite);
        GuestRun.ToEnd(machine, 0, (vcpu, exit) =>
        {
            if (exit.Kind == VcpuExitKind.PageAccess) vcpu.TryInjectException(ExceptionVector.InvalidOpcode, 0, 0);
        });
        Assert.Equal(1UL, machine.Field(GuestField.InvalidOpcodes));
        Assert.Equal(0UL, machine.Field(GuestField.Panic));
        Assert.Equal(1UL, machine.Field(GuestField.ProbeResult));
    }

    [Fact]
    public void Single_stepping_the_whole_default_guest_changes_nothing()
    {
        var free = GuestPrograms.Default(1).BuildMachine();
        GuestRun.ToEnd(free, 0);
        var stepped = GuestPrograms.Default(1).BuildMachine();
        var vcpu = stepped.GetVcpu(0);
        vcpu.Traps.Singlestep = true;
        for (var steps = 0; steps < 1_000_000; steps++)
        {
            var exit = vcpu.Run(10);
            if (exit.Kind == VcpuExitKind.Halted) break;
            Assert.Equal(VcpuExitKind.Singlestep, exit.Kind);
        }

        var (expected, actual) = (new byte[4096], new byte[4096]);
        Assert.True(free.TryReadPhysical(GuestLayout.MailboxGpa(0), expected));
        Assert.True(stepped.TryReadPhysical(GuestLayout.MailboxGpa(0), actual));
        Assert.Equal(expected, actual);
        Assert.Equal(1UL, stepped.Field(GuestField.Done));
    }

    private static ModelMachine Build(Action<VcpuProgramBuilder> add) => new GuestProgramBuilder(1).OnEach(add).BuildMachine();

    /// <summary>What the wx-guard sample asks for.</summary>
    private static void Watch(ModelMachine machine)
    {
        machine.Traps.PageAccess = true;
        for (var gpa = GuestLayout.TextGpa; gpa < GuestLayout.TextEndGpa; gpa += 4096)
            Assert.True(machine.TrySetPageAccess(gpa, PageAccess.ReadExecute));
    }

    private static int InstructionLength(ModelMachine machine, IVcpu vcpu)
    {
        vcpu.GetState(out var state);
        Assert.True(vcpu.TryTranslate(state.Regs.Rip, out var gpa));
        var bytes = new byte[15];
        Assert.True(machine.TryReadPhysical(gpa, bytes));
        return Iced.Intel.Decoder.Create(64, bytes).Decode().Length;
    }
}
