using Kvmi.Protocol;
using Kvmi.Protocol.Commands;
using Kvmi.Protocol.Dialects;
using Kvmi.Protocol.Events;
using Kvmi.Simulator.Machine;
using Kvmi.TestSupport;

namespace Kvmi.Simulator.Tests.Kernel.RfcV5;

/// <summary>Events against the vectors, and what each answer does (rfc-v5 4.1 and section 11, "expected reactions").</summary>
public sealed class RfcV5EventTests
{
    private const uint AllVcpuEvents = 0x1FE;

    private static Dialect D => RfcV5Tool.D;

    [Theory]
    [InlineData(RfcV5Profile.Code)]
    [InlineData(RfcV5Profile.Document)]
    public async Task Events_are_the_vectors_one_after_the_other_and_replies_have_their_effect(RfcV5Profile profile)
    {
        var machine = RfcV5Fixture.VectorMachine();
        await using var kernel = new RfcV5Fixture(machine, RfcV5Fixture.Options(profile));
        ArmEverything(kernel);

        machine[0].Queue(new VcpuExit { Kind = VcpuExitKind.CrWrite, Number = 3, OldValue = 0x1AA_A000, NewValue = 0x1BB_B000 });
        Same("E1", kernel.Tool.Event());
        kernel.Tool.Send("R1");
        Assert.Equal("cr 1bbb000", kernel.NextDone());

        machine[1].Queue(new VcpuExit { Kind = VcpuExitKind.MsrWrite, Number = 0xC000_0082, OldValue = 0xFFFF_FFFF_8180_0010, NewValue = 0xFFFF_FFFF_C000_1000 });
        Same("E2", kernel.Tool.Event());
        kernel.Tool.Send("R2");
        Assert.Equal("msr ffffffff81800010", kernel.NextDone(1));

        machine[0].Queue(new VcpuExit { Kind = VcpuExitKind.XcrWrite, OldValue = 1, NewValue = 3 });
        Same("E3", kernel.Tool.Event());
        kernel.Tool.Answer(RfcV5Vectors.Bytes("E3"), default);
        Assert.Equal("xcr", kernel.NextDone());

        machine[0].Queue(new VcpuExit { Kind = VcpuExitKind.Breakpoint, Gpa = 0x123_4567, Length = 1 });
        Same("E4", kernel.Tool.Event());
        kernel.Tool.Send("R4");

        // RETRY completes nothing: the next thing that happens is the hypercall.
        machine[0].SetRegs(box => (box.Regs.Rax, box.Regs.Rdi, box.Regs.Rsi) = (34, 24, 0));
        machine[0].Queue(new VcpuExit { Kind = VcpuExitKind.Hypercall });
        Same(Changed("E5", (16, 34), (48, 0), (56, 24)), kernel.Tool.Event());
        kernel.Tool.Answer(RfcV5Vectors.Bytes("E5"), default);
        Assert.Equal("hypercall 0", kernel.NextDone());

        machine[2].Queue(new VcpuExit { Kind = VcpuExitKind.PageAccess, Gva = 0xFFFF_8880_0000_1000, Gpa = 0x1AA_B000, Access = PageAccess.Execute });
        Same("E6", kernel.Tool.Event());
        machine[2].Queue(new VcpuExit { Kind = VcpuExitKind.Singlestep });
        kernel.Tool.Send("R6");
        machine[2].Queue(new VcpuExit { Kind = VcpuExitKind.PageAccess, Gva = 0xFFFF_8880_0000_2008, Gpa = 0x1AA_A008, Access = PageAccess.Read });
        Same("E7", kernel.Tool.Event());
        kernel.Tool.Send("R7");
        Assert.Equal("pf 9091929394959697", kernel.NextDone(2));
    }

    [Fact]
    public async Task Trap_tells_what_won_over_the_injection()
    {
        var machine = RfcV5Fixture.VectorMachine();
        await using var kernel = new RfcV5Fixture(machine, held: true);
        Assert.Equal(0, kernel.Events(AllVcpuEvents));
        machine[0].Displace(new VcpuExit { Kind = VcpuExitKind.Exception, Vector = 0x20 });
        Assert.Equal(0, RfcV5Tool.Error(kernel.Tool.Ask((d, s) => D.Write(d, s, new InjectException(0, 6, 0, 0)))));
        Same(Changed("E8", (4, 1)), kernel.Tool.Event());
        kernel.Tool.Answer(Changed("E8", (4, 1)), default);

        machine[0].SetState(WithoutCr2());
        machine[0].Displace(new VcpuExit { Kind = VcpuExitKind.Exception, Vector = 13, ErrorCode = 0x18 });
        Assert.Equal(0, RfcV5Tool.Error(kernel.Tool.Ask((d, s) => D.Write(d, s, new InjectException(0, 6, 0, 0)))));
        Same(Changed("E9", (4, 2), (8 + 152 + 232, 0)), kernel.Tool.Event());
    }

    [Theory]
    [InlineData(6, 0u, false)]
    [InlineData(13, 0x18u, true)]
    [InlineData(14, 6u, true)]
    public async Task An_injection_that_arrives_is_no_event(byte vector, uint errorCode, bool hasError)
    {
        var machine = RfcV5Fixture.VectorMachine();
        await using var kernel = new RfcV5Fixture(machine);
        Assert.Equal(0, kernel.Events(AllVcpuEvents));
        var inject = new InjectException(0, vector, errorCode, 0x5000) { HasErrorCode = hasError };
        Assert.Equal(0, RfcV5Tool.Error(kernel.Tool.Ask((d, s) => D.Write(d, s, in inject))));
        AssertNextIsPause(kernel);
    }

    // A34: without has_error the record says 0, and the page fault's code looks like a loss.
    [Fact]
    public async Task A_page_fault_without_has_error_is_reported_although_it_arrived()
    {
        await using var kernel = new RfcV5Fixture(RfcV5Fixture.VectorMachine());
        Assert.Equal(0, kernel.Events(AllVcpuEvents));
        var inject = new InjectException(0, 14, 6, 0x5000) { HasErrorCode = false };
        Assert.Equal(0, RfcV5Tool.Error(kernel.Tool.Ask((d, s) => D.Write(d, s, in inject))));
        Assert.Equal(DecodeStatus.Ok, D.ReadEvent(kernel.Tool.Event(), out var trap));
        Assert.Equal((EventKind.Trap, 14, 6u, 0x300u), (trap.Kind, trap.Vector, trap.ErrorCode, trap.TrapType));
    }

    [Fact]
    public async Task An_impossible_vector_is_taken_and_reported_as_nothing_and_a_second_injection_replaces_the_first()
    {
        await using var kernel = new RfcV5Fixture(RfcV5Fixture.VectorMachine(), held: true);
        Assert.Equal(0, kernel.Events(AllVcpuEvents));
        Assert.Equal(0, RfcV5Tool.Error(kernel.Tool.Ask((d, s) => D.Write(d, s, new InjectException(0, 200, 0, 0)))));
        var nothing = kernel.Tool.Event();
        Assert.Equal(DecodeStatus.Ok, D.ReadEvent(nothing, out var trap));
        Assert.Equal((EventKind.Trap, 0, 0u, 0u), (trap.Kind, trap.Vector, trap.ErrorCode, trap.TrapType));
        Assert.Equal(0, RfcV5Tool.Error(kernel.Tool.Ask((d, s) => D.Write(d, s, new InjectException(0, 6, 0, 0)))));
        Assert.Equal(0, RfcV5Tool.Error(kernel.Tool.Ask((d, s) => D.Write(d, s, new InjectException(0, 13, 0x18, 0)))));
        kernel.Tool.Answer(nothing, default);
        AssertNextIsPause(kernel);
    }

    [Fact]
    public async Task Descriptor_create_pause_and_unhook_are_the_vectors()
    {
        var machine = new ScriptedMachine(5);
        for (var index = 0; index < 5; index++)
        {
            machine[index].SetState(RfcV5Fixture.StateA());
        }

        await using var kernel = new RfcV5Fixture(machine, held: true);
        Assert.Equal(0, kernel.VmEvents(0x201));
        for (var count = 1; count <= 5; count++)
        {
            var created = kernel.Tool.Event();
            if (created[12] == 4)
            {
                Same(Changed("E12", (4, (uint)count)), created);
            }

            kernel.Tool.Answer(created, default);
        }

        kernel.Release();
        ArmEverything(kernel, vcpus: 1);
        machine[0].Queue(new VcpuExit { Kind = VcpuExitKind.Descriptor, Table = DescriptorTable.Idtr, IsWrite = true });
        var idt = kernel.Tool.Event();
        Same(Changed("E10", (4, 6), (544, 0), (552, 0)), idt);
        kernel.Tool.Answer(idt, default);
        Assert.Equal("descriptor", kernel.NextDone());
        machine[0].Queue(new VcpuExit { Kind = VcpuExitKind.Descriptor, Table = DescriptorTable.Tr });
        var task = kernel.Tool.Event();
        Same(Changed("E11", (4, 7), (544, 0)), task);

        // An action that this event does not take: the instruction is not completed (4.1).
        kernel.Tool.Answer(task, new EventReply { Action = EventAction.Retry });

        Assert.Equal(5, kernel.Tool.Reply("C6")[16]);
        for (var count = 8u; count < 13; count++)
        {
            var pause = kernel.Tool.Event();
            if (pause[12] == 3)
            {
                Same(Changed("E13", (4, count)), pause);
            }

            kernel.Tool.Answer(pause, default);
        }

        Assert.True(kernel.Hook.SendVmEvent(EventBody.Plain(EventKind.Unhook)));
        Same(Changed("E14", (4, 13)), kernel.Tool.Event());
        Assert.Empty(machine[0].Done);
    }

    [Fact]
    public async Task One_pause_event_for_each_vcpu_and_command_and_the_reply_comes_at_once()
    {
        await using var kernel = new RfcV5Fixture(RfcV5Fixture.VectorMachine(), held: true);
        Assert.Equal(4, kernel.Tool.Reply("C6")[16]);
        Assert.Equal(4, kernel.Tool.Reply("C6")[16]);
        var pauses = new int[4];
        for (var i = 0; i < 8; i++)
        {
            var pause = kernel.Tool.Event();
            Assert.Equal((byte)EventKind.PauseVcpu, pause[8]);
            pauses[pause[12]]++;
            kernel.Tool.Answer(pause, default);
        }

        Assert.Equal([2, 2, 2, 2], pauses);
    }

    [Fact]
    public async Task An_uninitialised_vcpu_is_counted_and_pauses_once_it_is_started()
    {
        var machine = RfcV5Fixture.VectorMachine();
        machine[3].IsInitialized = false;
        await using var kernel = new RfcV5Fixture(machine);
        Assert.Equal(4, kernel.Tool.Reply("C6")[16]);
        for (var i = 0; i < 3; i++)
        {
            var pause = kernel.Tool.Event();
            Assert.NotEqual(3, pause[12]);
            kernel.Tool.Answer(pause, default);
        }

        machine[3].Start();
        Assert.Equal(3, kernel.Tool.Event()[12]);
    }

    // Section 11: C13 between E13 and R13 takes effect after R13; after it, it changes nothing.
    [Theory]
    [InlineData(RfcV5Profile.Code)]
    [InlineData(RfcV5Profile.Document)]
    public async Task Registers_set_in_an_event_hold_after_its_reply(RfcV5Profile profile)
    {
        var machine = new ScriptedMachine(1);
        await using var kernel = new RfcV5Fixture(machine, RfcV5Fixture.Options(profile));
        kernel.Tool.Reply("C6");
        var pause = kernel.Tool.Event();
        Assert.Equal(RfcV5Vectors.Bytes("C14"), kernel.Tool.Reply("C13"));
        var before = kernel.Tool.Ask((d, s) => D.WriteGetRegisters(d, s, 0, []));
        Assert.Equal(0x1000ul, BitConverter.ToUInt64(before.AsSpan(8 + 16 + 128)));
        Assert.Empty(machine[0].Done);
        kernel.Tool.Answer(pause, default);
        Assert.Equal("set rip 1111111111111111", kernel.NextDone());
        Assert.Equal(RfcV5Vectors.Bytes("C14"), kernel.Tool.Reply("C13"));
        AssertNextIsPause(kernel);
        Assert.Empty(machine[0].Done);
    }

    [Theory]
    [InlineData(EventAction.Retry)]
    [InlineData((EventAction)9)]
    public async Task A_write_that_is_not_continued_is_an_illegal_one(EventAction action)
    {
        var machine = RfcV5Fixture.VectorMachine();
        await using var kernel = new RfcV5Fixture(machine);
        ArmEverything(kernel);
        machine[0].Queue(new VcpuExit { Kind = VcpuExitKind.CrWrite, Number = 4, OldValue = 1, NewValue = 2 });
        kernel.Tool.Answer(kernel.Tool.Event(), new EventReply { Action = action, NewValue = 2 });
        machine[1].Queue(new VcpuExit { Kind = VcpuExitKind.MsrWrite, Number = 0xC000_0082, OldValue = 1, NewValue = 2 });
        kernel.Tool.Answer(kernel.Tool.Event(), new EventReply { Action = action, NewValue = 2 });

        // #GP(0) for the guest, no TRAP event, and nothing was written.
        AssertNextIsPause(kernel);
        Assert.Equal(((byte)13, 0u), machine[0].LastInjection!.Value);
        Assert.Equal(((byte)13, 0u), machine[1].LastInjection!.Value);
        Assert.Empty(machine[0].Done);
        Assert.Empty(machine[1].Done);
    }

    [Fact]
    public async Task Xsetbv_and_hypercalls_cannot_be_vetoed_and_an_unheard_hypercall_is_unknown()
    {
        var machine = RfcV5Fixture.VectorMachine();
        await using var kernel = new RfcV5Fixture(machine);
        machine[0].SetRegs(box => (box.Regs.Rax, box.Regs.Rdi, box.Regs.Rsi) = (34, 24, 0));
        machine[0].Queue(new VcpuExit { Kind = VcpuExitKind.Hypercall });
        Assert.Equal("hypercall -1000", kernel.NextDone());
        Assert.Equal(0, kernel.Events(AllVcpuEvents));
        machine[0].Queue(new VcpuExit { Kind = VcpuExitKind.Hypercall });
        kernel.Tool.Answer(kernel.Tool.Event(), new EventReply { Action = EventAction.Retry });
        Assert.Equal("hypercall 0", kernel.NextDone());
        machine[0].Queue(new VcpuExit { Kind = VcpuExitKind.XcrWrite, OldValue = 1, NewValue = 3 });
        kernel.Tool.Answer(kernel.Tool.Event(), new EventReply { Action = EventAction.Retry });
        Assert.Equal("xcr", kernel.NextDone());
    }

    [Fact]
    public async Task Crash_ends_the_guest()
    {
        await using var kernel = new RfcV5Fixture(RfcV5Fixture.VectorMachine());
        kernel.Tool.Reply("C6");
        kernel.Tool.Answer(kernel.Tool.Event(), new EventReply { Action = EventAction.Crash });
        while (kernel.Tool.Next() is not null)
        {
        }

        Assert.NotNull(kernel.Crashed);
    }

    [Fact]
    public async Task Events_name_ids_while_commands_take_indexes()
    {
        await using var kernel = new RfcV5Fixture(RfcV5Fixture.VectorMachine(), new RfcV5KernelOptions { VcpuIdStride = 4 });
        kernel.Tool.Reply("C6");
        var ids = new List<int>();
        for (var i = 0; i < 4; i++)
        {
            var pause = kernel.Tool.Event();
            ids.Add(pause[12]);
            kernel.Tool.Answer(pause, default);
        }

        Assert.Equal([0, 4, 8, 12], ids.Order());
        Assert.Equal(-22, RfcV5Tool.Error(kernel.Tool.Ask((d, s) => D.WriteGetRegisters(d, s, 4, []))));
    }

    [Fact]
    public async Task Cr3_is_not_intercepted_where_the_host_cannot()
    {
        var machine = RfcV5Fixture.VectorMachine();
        await using var kernel = new RfcV5Fixture(machine, new RfcV5KernelOptions { SendsCr3Events = false });
        ArmEverything(kernel);
        Assert.False(machine[0].GetCr(3));
        Assert.True(machine[0].GetCr(4));
    }

    private static void ArmEverything(RfcV5Fixture kernel, int vcpus = 4)
    {
        for (ushort vcpu = 0; vcpu < vcpus; vcpu++)
        {
            Assert.Equal(0, kernel.Events(AllVcpuEvents, vcpu));
            foreach (var cr in new uint[] { 0, 3, 4 })
            {
                Assert.Equal(0, RfcV5Tool.Error(kernel.Tool.Ask((d, s) => D.Write(d, s, new ControlCr(vcpu, cr, 1)))));
            }

            Assert.Equal(0, RfcV5Tool.Error(kernel.Tool.Ask((d, s) => D.Write(d, s, new ControlMsr(vcpu, 0xC000_0082, 1)))));
        }
    }

    // A pause is the last thing a vCPU sends before the guest: what does not come before it, does not come.
    private static void AssertNextIsPause(RfcV5Fixture kernel)
    {
        kernel.Release();
        var running = Enumerable.Range(0, kernel.Context.Workers.Count);
        foreach (var vcpu in running)
        {
            var machine = (ScriptedMachine)kernel.Context.Machine;
            Assert.True(SpinWait.SpinUntil(() => machine[vcpu].InGuest && !machine[vcpu].IsInjectionPending, RawTool.GiveUpMilliseconds));
        }

        kernel.Tool.Reply("C6");
        for (var i = 0; i < kernel.Context.Workers.Count; i++)
        {
            var pause = kernel.Tool.Event();
            Assert.Equal((byte)EventKind.PauseVcpu, pause[8]);
            kernel.Tool.Answer(pause, default);
        }
    }

    private static Kvmi.Protocol.Registers.VcpuState WithoutCr2()
    {
        var state = RfcV5Fixture.StateA();
        state.Sregs.Cr2 = 0;
        return state;
    }

    /// <summary>A vector with 64-bit numbers (32-bit below offset 8) replaced.</summary>
    private static byte[] Changed(string name, params (int Offset, ulong Value)[] changes)
    {
        var bytes = RfcV5Vectors.Bytes(name).ToArray();
        foreach (var (offset, value) in changes)
        {
            BitConverter.GetBytes(value).AsSpan(0, offset < 8 ? 4 : 8).CopyTo(bytes.AsSpan(offset));
        }

        return bytes;
    }

    private static void Same(string vector, byte[] actual) => Same(RfcV5Vectors.Bytes(vector), actual);

    private static void Same(byte[] expected, byte[] actual) => Assert.Equal(Convert.ToHexString(expected), Convert.ToHexString(actual));
}
