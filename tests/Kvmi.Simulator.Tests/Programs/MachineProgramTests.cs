using Kvmi.Protocol;
using Kvmi.Simulator.Machine;
using Kvmi.Simulator.Machine.Model;
using Kvmi.Simulator.Programs;

namespace Kvmi.Simulator.Tests.Programs;

/// <summary>Programs that concern the machine itself: more vCPUs, views, hypercalls of 32-bit code, instructions that touch several pages.</summary>
public sealed class MachineProgramTests
{
    private const ulong NoSuchCall = unchecked((ulong)-1000L);

    [Fact]
    public void A_plugged_vcpu_boots_and_switches_processes()
    {
        var guest = new GuestProgramBuilder(1);
        guest[0].HotPlug().HotPlug();
        guest[2].Syscalls(3);
        var machine = guest.BuildMachine();
        GuestRun.ToEnd(machine, 0);
        Assert.Equal(2UL, machine.Field(GuestField.HotPlugs));
        Assert.Equal(3, machine.VcpuCount);

        GuestRun.ToEnd(machine, 1, GuestRun.Allow);
        Assert.Equal((ulong)GuestProgramBuilder.HotPluggedSwitches, machine.Field(GuestField.Switches, 1));
        var exits = GuestRun.ToEnd(machine, 2, GuestRun.Allow);
        Assert.Equal([VcpuExitKind.Started], exits.Select(exit => exit.Kind));
        Assert.Equal(4UL, machine.Field(GuestField.Syscalls, 2));
        machine.GetVcpu(2).GetState(out var state);
        Assert.Equal(GuestLayout.SyscallEntryGva, state.Msrs.Lstar);
    }

    [Fact]
    public void A_machine_with_all_its_vcpus_gives_no_more()
    {
        var guest = new GuestProgramBuilder(GuestLayout.MaxVcpus);
        guest[0].HotPlug();
        var machine = guest.BuildMachine();
        GuestRun.ToEnd(machine, 0);
        Assert.Equal(0UL, machine.Field(GuestField.HotPlugs));
        Assert.Equal(1UL, machine.Field(GuestField.StepsAborted));
    }

    [Fact]
    public void VMFUNC_switches_to_a_visible_view_alone()
    {
        var guest = new GuestProgramBuilder(1);
        guest[0].SwitchView(1).SwitchView(2).SwitchView(1, function: 1);
        var machine = guest.BuildMachine();
        Assert.True(machine.GetVcpu(0).Views!.TrySetVisible(1, true));
        GuestRun.ToEnd(machine, 0);
        Assert.Equal(1UL, machine.Field(GuestField.ViewSwitches));
        Assert.Equal(2UL, machine.Field(GuestField.InvalidOpcodes));
        Assert.Equal(1, machine.GetVcpu(0).Views!.Current);
    }

    [Fact]
    public void The_guest_request_of_32_bit_code_has_its_registers_and_a_32_bit_result()
    {
        var guest = new GuestProgramBuilder(1);
        guest[0].GuestRequest32(0x1234).GuestRequest32().Syscalls(1);
        var machine = guest.BuildMachine();
        machine.GetVcpu(0).Traps.Hypercall = true;
        var seen = 0;
        GuestRun.ToEnd(machine, 0, (vcpu, exit) =>
        {
            Assert.Equal(VcpuExitKind.Hypercall, exit.Kind);
            vcpu.GetState(out var state);
            Assert.Equal(4, state.Mode);
            Assert.Equal(3, state.Sregs.Cs.Selector & 3);
            Assert.Equal((34UL, 24UL, 0UL), (state.Regs.Rax, state.Regs.Rbx, state.Regs.Rcx));
            Assert.Equal(seen++ == 0 ? 0x1234UL : 0, state.Regs.Rdx);
            vcpu.CompleteHypercall(NoSuchCall);
        });
        Assert.Equal(2, seen);
        Assert.Equal(NoSuchCall & uint.MaxValue, machine.Field(GuestField.HypercallResult));
        Assert.Equal(0UL, machine.Field(GuestField.UserFaults));
        Assert.Equal(3UL, machine.Field(GuestField.StepsDone));
    }

    [Fact]
    public void The_memory_map_call_names_the_token_and_both_pages()
    {
        var guest = new GuestProgramBuilder(1);
        guest[0].MapMemory(0x1000, GuestLayout.BufferGpa).UnmapMemory(GuestLayout.BufferGpa);
        var machine = guest.BuildMachine();
        machine.GetVcpu(0).Traps.Hypercall = true;
        var calls = new List<(ulong, ulong, ulong)>();
        GuestRun.ToEnd(machine, 0, (vcpu, _) =>
        {
            vcpu.GetState(out var state);
            calls.Add((state.Regs.Rax, state.Regs.Rcx, state.Regs.Rdx));
            Assert.True(vcpu.TryTranslate(state.Regs.Rbx, out var gpa) || state.Regs.Rax == 33);
            Assert.Equal(state.Regs.Rax == 33 ? GuestLayout.BufferGpa : GuestLayout.MailboxGpa(0) + ((ulong)GuestField.Token * 8), state.Regs.Rax == 33 ? state.Regs.Rbx : gpa);
            vcpu.CompleteHypercall(0);
        });
        Assert.Equal([32UL, 33UL], calls.Select(call => call.Item1));
        Assert.Equal((0x1000UL, GuestLayout.BufferGpa), (calls[0].Item2, calls[0].Item3));
    }

    [Fact]
    public void A_repeated_store_faults_per_round_or_once()
    {
        Assert.Equal(16, Stores(wholeRepeat: false));
        Assert.Equal(1, Stores(wholeRepeat: true));
    }

    [Fact]
    public void A_whole_repeat_stops_at_the_next_guarded_page_with_the_count_so_far()
    {
        var guest = new GuestProgramBuilder(1);
        guest[0].RepeatedStore(0x1F00, 0x200);
        var machine = Guard(guest, 0x1000, 0x2000);
        var counts = new List<ulong>();
        GuestRun.ToEnd(machine, 0, (vcpu, exit) =>
        {
            vcpu.GetState(out var state);
            counts.Add(state.Regs.Rcx);
            vcpu.CompletePageAccess(0, [], wholeRepeat: true);
        });
        Assert.Equal([0x200UL, 0x100UL], counts);
        Assert.Equal(0x5A, Byte(machine, 0x20FF));
        Assert.Equal(0, Byte(machine, 0x2100));
    }

    [Fact]
    public void One_instruction_exits_for_each_page_that_it_must_not_use()
    {
        var guest = new GuestProgramBuilder(1);
        guest[0].MoveWord(0x1000, 0x3000);
        var machine = guest.BuildMachine();
        Assert.True(machine.TryWritePhysical(GuestLayout.BufferGpa + 0x1000, [1, 2, 3, 4, 5, 6, 7, 8]));
        machine.Traps.PageAccess = true;
        Assert.True(machine.TrySetPageAccess(GuestLayout.BufferGpa + 0x1000, PageAccess.None));
        Assert.True(machine.TrySetPageAccess(GuestLayout.BufferGpa + 0x3000, PageAccess.Read));
        var exits = GuestRun.ToEnd(machine, 0, (vcpu, _) => vcpu.CompletePageAccess());
        Assert.Equal(
            [(GuestLayout.BufferGpa + 0x1000, PageAccess.Read), (GuestLayout.BufferGpa + 0x3000, PageAccess.Write)],
            exits.Select(exit => (exit.Gpa, exit.Access)));
        Assert.Equal(8, Byte(machine, 0x3007));
    }

    [Fact]
    public void After_a_retry_the_first_page_counts_again()
    {
        var guest = new GuestProgramBuilder(1);
        guest[0].MoveWord(0x1000, 0x3000);
        var machine = Guard(guest, 0x1000, 0x3000);
        var seen = new List<ulong>();
        GuestRun.ToEnd(machine, 0, (vcpu, exit) =>
        {
            seen.Add(exit.Gpa - GuestLayout.BufferGpa);
            if (seen.Count == 2) machine.TrySetPageAccess(exit.Gpa, PageAccess.All);
            else vcpu.CompletePageAccess();
        });
        Assert.Equal([0x1000UL, 0x3000UL, 0x1000UL], seen);
    }

    [Fact]
    public void A_repeated_move_copies_across_a_guarded_page()
    {
        var guest = new GuestProgramBuilder(1);
        guest[0].RepeatedMove(0x1FF8, 0x10);
        var machine = Guard(guest, 0x2000);
        Assert.True(machine.TryWritePhysical(GuestLayout.BufferGpa + 0x1FF8, [.. Enumerable.Range(1, 16).Select(value => (byte)value)]));
        GuestRun.ToEnd(machine, 0, (vcpu, _) => vcpu.CompletePageAccess(0, [], wholeRepeat: true));
        Assert.Equal(16, Byte(machine, 15));
    }

    [Fact]
    public void Page_walks_can_be_left_alone()
    {
        var guest = new GuestProgramBuilder(1);
        guest[0].ProcessSwitches(3);
        var machine = guest.BuildMachine();
        machine.Traps.PageAccess = true;
        Assert.True(machine.TrySetPageAccess(GuestLayout.ProcessRoot(1) + 0x3000, PageAccess.None));
        machine.Traps.PageWalks = false;
        Assert.Empty(GuestRun.ToEnd(machine, 0));

        machine = guest.BuildMachine();
        machine.Traps.PageAccess = true;
        Assert.True(machine.TrySetPageAccess(GuestLayout.ProcessRoot(1) + 0x3000, PageAccess.None));
        var exits = GuestRun.ToEnd(machine, 0, GuestRun.Allow);
        Assert.NotEmpty(exits);
        Assert.All(exits, exit => Assert.Equal(ulong.MaxValue, exit.Gva));
    }

    private static int Stores(bool wholeRepeat)
    {
        var guest = new GuestProgramBuilder(1);
        guest[0].RepeatedStore(0x1FF0, 0x20);
        var machine = Guard(guest, 0x2000);
        var exits = GuestRun.ToEnd(machine, 0, (vcpu, _) => vcpu.CompletePageAccess(0, [], wholeRepeat));
        Assert.Equal(0x5A, Byte(machine, 0x200F));
        Assert.Equal(0, Byte(machine, 0x2010));
        return exits.Count;
    }

    private static ModelMachine Guard(GuestProgramBuilder guest, params int[] offsets)
    {
        var machine = guest.BuildMachine();
        machine.Traps.PageAccess = true;
        foreach (var offset in offsets) Assert.True(machine.TrySetPageAccess(GuestLayout.BufferGpa + (ulong)offset, PageAccess.None));
        return machine;
    }

    private static byte Byte(ModelMachine machine, ulong offset)
    {
        Span<byte> value = stackalloc byte[1];
        Assert.True(machine.TryReadPhysical(GuestLayout.BufferGpa + offset, value));
        return value[0];
    }
}
