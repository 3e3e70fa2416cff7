using Iced.Intel;
using Kvmi.Protocol;
using Kvmi.Protocol.Dialects;
using Kvmi.Protocol.Events;
using Kvmi.Protocol.Registers;
using Kvmi.Simulator.Machine;
using Kvmi.Simulator.Tests.Machine;
using Kvmi.TestSupport;
using static Iced.Intel.AssemblerRegisters;

namespace Kvmi.Simulator.Tests.Kernel.RfcV5;

/// <summary>Page faults of rfc-v5 on the model machine: what the guest sees after each answer (rfc-v5 4.7; section 11, R6 and R7).</summary>
public sealed class RfcV5PageTests
{
    private const uint PageFaults = 0x40;
    private const PageAccess NoRead = PageAccess.Write | PageAccess.Execute;

    private static Dialect D => RfcV5Tool.D;

    // R6: one instruction runs with execute allowed, then the page is restricted again.
    [Theory]
    [InlineData(RfcV5Profile.Code)]
    [InlineData(RfcV5Profile.Document)]
    public async Task Step_executes_one_instruction_and_takes_the_right_away_again(RfcV5Profile profile)
    {
        var bare = new BareMachine(code =>
        {
            code.inc(rax);
            code.inc(rax);
        });
        await using var kernel = Restrict(bare, BareMachine.Code, PageAccess.ReadWrite, profile);
        var step = RfcV5Vectors.Bytes("R6");
        for (var instruction = 0ul; instruction < 2; instruction++)
        {
            var message = kernel.Tool.Event();
            Assert.Equal(DecodeStatus.Ok, D.ReadEvent(message, out var fault));
            Assert.Equal((EventKind.PageFault, PageAccess.Execute), (fault.Kind, fault.Access));
            Assert.Equal((BareMachine.Code + (instruction * 3), instruction), (fault.Regs.Rip, fault.Regs.Rax));
            kernel.Tool.Send(Numbered(step, fault.Sequence));
        }

        Assert.Equal(DecodeStatus.Ok, D.ReadEvent(kernel.Tool.Event(), out var last));
        Assert.Equal(2ul, last.Regs.Rax);
        Assert.Equal(PageAccess.ReadWrite, kernel.Hook.GetPageAccess(BareMachine.Code));
    }

    // R7: the read returns 90..97, memory keeps what it has.
    [Fact]
    public async Task Read_gets_the_custom_data()
    {
        var bare = new BareMachine(code => code.mov(rax, __[BareMachine.Data]));
        await using var kernel = Restrict(bare, BareMachine.Data, NoRead);
        Assert.Equal(DecodeStatus.Ok, D.ReadEvent(kernel.Tool.Event(), out var fault));
        Assert.Equal((BareMachine.Data, PageAccess.Read), (fault.Gpa, fault.Access));
        kernel.Tool.Send(Numbered(RfcV5Vectors.Bytes("R7"), fault.Sequence));
        Assert.Equal(0x9796_9594_9392_9190ul, Halted(kernel, bare).Rax);
        Assert.Equal(0ul, bare.Get(BareMachine.Data));
    }

    // What a read leaves over is served to the next ones, without events, until it is used up; the next event discards the rest.
    [Fact]
    public async Task Custom_data_lasts_for_the_reads_that_follow()
    {
        var bare = new BareMachine(code =>
        {
            code.mov(rax, __[BareMachine.Data]);
            code.mov(rbx, __[BareMachine.Data + 0x10]);
            code.mov(rcx, __[BareMachine.Data]);
            code.mov(__[BareMachine.Data + 0x1000], rax);
            code.mov(rdx, __[BareMachine.Data]);
        });
        bare.Put(BareMachine.Data, 0x1111_1111_1111_1111);
        await using var kernel = new RfcV5Fixture(bare.Machine, held: true);
        Assert.Equal(0, kernel.Events(PageFaults));
        Assert.Equal(0, kernel.Access(BareMachine.Data, NoRead));
        Assert.Equal(0, kernel.Access(BareMachine.Data + 0x1000, PageAccess.Read));
        kernel.Release();
        kernel.Tool.Answer(kernel.Tool.Event(), new EventReply { Context = [.. Enumerable.Range(1, 20).Select(number => (byte)number)] });

        // Two reads took 16 of 20 bytes, the third the last four and memory for the rest. Then the write faults.
        Assert.Equal(DecodeStatus.Ok, D.ReadEvent(kernel.Tool.Event(), out var write));
        Assert.Equal(PageAccess.Write, write.Access);
        Assert.Equal((0x0807_0605_0403_0201ul, 0x100F_0E0D_0C0B_0A09ul, 0x1111_1111_1413_1211ul), (write.Regs.Rax, write.Regs.Rbx, write.Regs.Rcx));
        kernel.Tool.Answer(write.Message.ToArray(), new EventReply { Context = [9, 9, 9, 9, 9, 9, 9, 9] });

        // Data given to a write are there for the next read (A21).
        Assert.Equal(0x0909_0909_0909_0909ul, Halted(kernel, bare).Rdx);
    }

    [Theory]
    [InlineData(0, 4)]
    [InlineData(1, 1)]
    public async Task Repetitions_after_the_first_are_silent_when_the_answer_says_so(int repComplete, int events)
    {
        var bare = new BareMachine(code =>
        {
            code.mov(ecx, 4);
            code.mov(rsi, BareMachine.Data);
            code.mov(rdi, BareMachine.Data + 0x1000);
            code.rep.movsb();
        });
        await using var kernel = Restrict(bare, BareMachine.Data, NoRead);
        for (var i = 0; i < events; i++)
        {
            kernel.Tool.Answer(kernel.Tool.Event(), new EventReply { RepComplete = (byte)repComplete });
        }

        Assert.Equal(0ul, Halted(kernel, bare).Rcx);
    }

    [Fact]
    public async Task Page_walks_and_accesses_without_the_event_are_silent()
    {
        var bare = new BareMachine(code => code.mov(rax, __[BareMachine.Data]));
        bare.Put(BareMachine.Data, 0x42);
        await using var kernel = new RfcV5Fixture(bare.Machine, held: true);
        Assert.Equal(0, kernel.Events(PageFaults));
        foreach (var table in new[] { BareMachine.Root, BareMachine.Pdpt, BareMachine.Pd })
        {
            Assert.Equal(0, kernel.Access(table, PageAccess.None));
        }

        kernel.Release();
        Assert.Equal(0x42ul, Halted(kernel, bare).Rax);

        var other = new BareMachine(code => code.mov(rax, __[BareMachine.Data]));
        other.Put(BareMachine.Data, 0x43);
        await using var deaf = new RfcV5Fixture(other.Machine, held: true);
        Assert.Equal(0, deaf.Access(BareMachine.Data, PageAccess.None));
        deaf.Release();
        Assert.Equal(0x43ul, Halted(deaf, other).Rax);
    }

    [Fact]
    public async Task Refused_write_of_a_control_register_reaches_the_guests_handler()
    {
        var bare = new BareMachine(code =>
        {
            code.mov(rax, cr4);
            code.or(rax, 0x80);
            code.mov(cr4, rax);
        });
        await using var kernel = new RfcV5Fixture(bare.Machine, held: true);
        Assert.Equal(0, kernel.Events(0x82));
        Assert.Equal(0, RfcV5Tool.Error(kernel.Tool.Ask((d, s) => D.Write(d, s, new Kvmi.Protocol.Commands.ControlCr(0, 4, 1)))));
        kernel.Release();
        kernel.Tool.Answer(kernel.Tool.Event(), new EventReply { Action = EventAction.Retry });
        var regs = Halted(kernel, bare, BareMachine.Handlers + (13 * 16) + 1);
        Assert.Equal(0ul, regs.Rax ^ 0x80 ^ bare.State.Sregs.Cr4);
    }

    [Theory]
    [InlineData(false, 0x4242ul)]
    [InlineData(true, 0ul)]
    public async Task Reply_of_the_wrong_size_serves_stale_bytes_only_when_asked_to(bool stale, ulong read)
    {
        var bare = new BareMachine(code => code.mov(rax, __[BareMachine.Data]));
        bare.Put(BareMachine.Data, 0x4242);
        await using var kernel = new RfcV5Fixture(bare.Machine, new RfcV5KernelOptions { ServesStaleBytes = stale }, held: true);
        Assert.Equal(0, kernel.Events(PageFaults));
        Assert.Equal(0, kernel.Access(BareMachine.Data, NoRead));
        kernel.Release();
        kernel.Tool.Send(Numbered(RfcV5Vectors.Bytes("W1"), BitConverter.ToUInt32(kernel.Tool.Event(), 4)));
        Assert.Equal(read, Halted(kernel, bare).Rax);
    }

    // Item 5: the others are held, and still serve their commands; a fault inside the step is an event of its own.
    [Fact]
    public async Task Other_vcpus_are_held_outside_the_guest_while_one_steps()
    {
        var machine = RfcV5Fixture.VectorMachine();
        await using var kernel = new RfcV5Fixture(machine);
        Assert.Equal(0, kernel.Events(PageFaults, 0));
        Assert.Equal(0, kernel.Access(0x3000, PageAccess.ReadWrite));
        Assert.Equal(0, kernel.Access(0x4000, PageAccess.None));
        machine[0].Queue(new VcpuExit { Kind = VcpuExitKind.PageAccess, Gpa = 0x3000, Access = PageAccess.Execute });
        var first = kernel.Tool.Event();
        machine[0].Queue(new VcpuExit { Kind = VcpuExitKind.PageAccess, Gpa = 0x4000, Access = PageAccess.Write });
        kernel.Tool.Answer(first, new EventReply { Action = EventAction.Retry, Singlestep = 1 });
        var nested = kernel.Tool.Event();
        Assert.Equal(PageAccess.All, kernel.Hook.GetPageAccess(0x3000));
        for (ushort vcpu = 1; vcpu < 4; vcpu++)
        {
            var held = vcpu;
            Assert.Equal(0, RfcV5Tool.Error(kernel.Tool.Ask((d, s) => D.WriteGetRegisters(d, s, held, []))));
            Assert.False(machine[vcpu].InGuest);
        }

        kernel.Tool.Answer(nested, new EventReply { Action = EventAction.Retry, Singlestep = 1 });
        machine[0].Queue(new VcpuExit { Kind = VcpuExitKind.Singlestep });
        for (var vcpu = 0; vcpu < 4; vcpu++)
        {
            var free = vcpu;
            Assert.True(SpinWait.SpinUntil(() => machine[free].InGuest, RawTool.GiveUpMilliseconds));
        }

        Assert.Equal(PageAccess.ReadWrite, kernel.Hook.GetPageAccess(0x3000));
        Assert.Equal(PageAccess.None, kernel.Hook.GetPageAccess(0x4000));
        Assert.False(machine[0].Singlestep);
        Assert.Empty(machine[0].Done);
    }

    [Fact]
    public async Task Tool_that_goes_in_the_middle_of_a_step_leaves_nobody_held()
    {
        var machine = RfcV5Fixture.VectorMachine();
        await using var kernel = new RfcV5Fixture(machine);
        Assert.Equal(0, kernel.Events(PageFaults, 0));
        Assert.Equal(0, kernel.Access(0x3000, PageAccess.ReadWrite));
        machine[0].Queue(new VcpuExit { Kind = VcpuExitKind.PageAccess, Gpa = 0x3000, Access = PageAccess.Execute });
        var first = kernel.Tool.Event();
        machine[0].Queue(new VcpuExit { Kind = VcpuExitKind.PageAccess, Gpa = 0x4000, Access = PageAccess.Write });
        kernel.Tool.Answer(first, new EventReply { Action = EventAction.Retry, Singlestep = 1 });
        kernel.Tool.Event();
        kernel.Tool.Dispose();
        Assert.Equal("pf", kernel.NextDone());
        for (var vcpu = 0; vcpu < 4; vcpu++)
        {
            var free = vcpu;
            Assert.True(SpinWait.SpinUntil(() => machine[free].InGuest, RawTool.GiveUpMilliseconds));
        }
    }

    private static RfcV5Fixture Restrict(BareMachine bare, ulong gpa, PageAccess access, RfcV5Profile profile = RfcV5Profile.Code)
    {
        var kernel = new RfcV5Fixture(bare.Machine, RfcV5Fixture.Options(profile), held: true);
        Assert.Equal(0, kernel.Events(PageFaults));
        Assert.Equal(0, kernel.Access(gpa, access));
        kernel.Release();
        return kernel;
    }

    /// <summary>Waits until the guest stands behind a HLT and gives its registers.</summary>
    private static KvmRegs Halted(RfcV5Fixture kernel, BareMachine bare, ulong? rip = null)
    {
        KvmRegs regs = default;
        Assert.True(
            SpinWait.SpinUntil(
                () =>
                {
                    var reply = kernel.Tool.Ask((d, s) => D.WriteGetRegisters(d, s, 0, []));
                    Assert.Equal(DecodeStatus.Ok, D.ReadReply(reply.AsSpan(16), out Kvmi.Protocol.Commands.RegistersReply registers));
                    regs = registers.Regs;
                    Span<byte> before = stackalloc byte[1];
                    Assert.True(bare.Machine.TryReadPhysical(regs.Rip - 1, before));
                    return rip is { } wanted ? regs.Rip == wanted : before[0] == 0xF4;
                },
                RawTool.GiveUpMilliseconds),
            "The guest did not halt.");
        return regs;
    }

    private static byte[] Numbered(byte[] vector, uint sequence)
    {
        var bytes = vector.ToArray();
        BitConverter.TryWriteBytes(bytes.AsSpan(4), sequence);
        return bytes;
    }
}
