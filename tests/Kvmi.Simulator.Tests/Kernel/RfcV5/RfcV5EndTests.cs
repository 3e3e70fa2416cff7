using Kvmi.Protocol;
using Kvmi.Protocol.Commands;
using Kvmi.Protocol.Events;
using Kvmi.Simulator.Machine;
using Kvmi.TestSupport;

namespace Kvmi.Simulator.Tests.Kernel.RfcV5;

/// <summary>What ends an rfc-v5 session, what only fails an event, and what then becomes of the guest (section 11, X1 to X11 and W1).</summary>
public sealed class RfcV5EndTests
{
    public static TheoryData<string, RfcV5Profile> Ending { get; } = MakeEnding();

    [Theory]
    [MemberData(nameof(Ending))]
    public async Task Vector_ends_the_session_without_a_byte(string vector, RfcV5Profile profile)
    {
        await using var kernel = new RfcV5Fixture(RfcV5Fixture.VectorMachine(), RfcV5Fixture.Options(profile));
        kernel.Tool.Send(vector);
        kernel.Tool.ExpectEndWithoutAByte();
        Assert.NotNull(kernel.Hook.CloseReason);
    }

    [Theory]
    [InlineData("X4")]
    [InlineData("X5")]
    public async Task Bad_range_ends_the_session_by_the_code_and_is_invalid_by_the_document(string vector)
    {
        await using var code = new RfcV5Fixture(RfcV5Fixture.VectorMachine());
        code.Tool.Send(vector);
        code.Tool.ExpectEndWithoutAByte();
        await using var document = new RfcV5Fixture(RfcV5Fixture.VectorMachine(), RfcV5Fixture.Options(RfcV5Profile.Document));
        var bytes = RfcV5Vectors.Bytes(vector);
        byte[] expected = [13, 0, 8, 0, .. bytes[4..8], 0xEA, 0xFF, 0xFF, 0xFF, 0, 0, 0, 0];
        Assert.Equal(expected, document.Tool.Reply(vector));
        byte[] empty = [14, 0, 16, 0, 1, 0, 0, 0, .. new byte[16]];
        Assert.Equal(-22, RfcV5Tool.Error(document.Tool.Reply(empty)));
    }

    // Nothing of the payload has to arrive: the header alone is refused (1.7, steps 2 and 3).
    [Theory]
    [InlineData(29, 500)]
    [InlineData(65535, 65535)]
    [InlineData(1, 1)]
    [InlineData(2, 8)]
    [InlineData(6, 7)]
    [InlineData(13, 17)]
    [InlineData(14, 15)]
    [InlineData(23, 1)]
    [InlineData(24, 4)]
    public async Task Header_alone_ends_the_session(int id, int size)
    {
        await using var kernel = new RfcV5Fixture(RfcV5Fixture.VectorMachine());
        kernel.Tool.Send([(byte)id, (byte)(id >> 8), (byte)size, (byte)(size >> 8), 1, 0, 0, 0]);
        kernel.Tool.ExpectEndWithoutAByte();
    }

    [Fact]
    public async Task Id_of_events_without_a_payload_gets_an_error_under_that_id()
    {
        await using var kernel = new RfcV5Fixture(RfcV5Fixture.VectorMachine());
        kernel.Tool.Send([23, 0, 0, 0, 9, 0, 0, 0]);
        byte[] expected = [23, 0, 8, 0, 9, 0, 0, 0, 0x18, 0xFC, 0xFF, 0xFF, 0, 0, 0, 0];
        Assert.Equal(expected, kernel.Tool.Next());
        Assert.Equal(RfcV5Vectors.Bytes("C47"), kernel.Tool.Reply("C46"));
        Assert.Equal(RfcV5Vectors.Bytes("C2"), kernel.Tool.Reply("C1"));
    }

    [Theory]
    [InlineData(RfcV5Profile.Code)]
    [InlineData(RfcV5Profile.Document)]
    public async Task Reply_to_unhook_ends_the_session(RfcV5Profile profile)
    {
        await using var kernel = new RfcV5Fixture(RfcV5Fixture.VectorMachine(), RfcV5Fixture.Options(profile));
        Assert.Equal(0, kernel.VmEvents(1));
        for (var count = 1; count <= 14; count++)
        {
            Assert.True(kernel.Hook.SendVmEvent(EventBody.Plain(EventKind.Unhook)));
            kernel.Tool.Event();
        }

        kernel.Tool.Send("X9");
        kernel.Tool.ExpectEndWithoutAByte();
    }

    [Theory]
    [InlineData(RfcV5Profile.Code)]
    [InlineData(RfcV5Profile.Document)]
    public async Task Too_much_context_ends_the_session_and_the_access_is_emulated_without_it(RfcV5Profile profile)
    {
        var machine = RfcV5Fixture.VectorMachine();
        await using var kernel = new RfcV5Fixture(machine, RfcV5Fixture.Options(profile));
        Assert.Equal(0, kernel.Events(0x40));
        machine[0].Queue(new VcpuExit { Kind = VcpuExitKind.PageAccess, Gpa = 0x3000, Access = PageAccess.Read });
        var bytes = RfcV5Vectors.Bytes("X10").ToArray();
        BitConverter.TryWriteBytes(bytes.AsSpan(4), BitConverter.ToUInt32(kernel.Tool.Event(), 4));
        kernel.Tool.Send(bytes);
        kernel.Tool.ExpectEndWithoutAByte();
        Assert.Equal("pf", kernel.NextDone());
    }

    // W1: no reply, no disconnect; CR3 becomes the guest's own value.
    [Theory]
    [InlineData(RfcV5Profile.Code)]
    [InlineData(RfcV5Profile.Document)]
    public async Task Reply_of_another_size_fails_the_event_alone(RfcV5Profile profile)
    {
        var machine = RfcV5Fixture.VectorMachine();
        await using var kernel = new RfcV5Fixture(machine, RfcV5Fixture.Options(profile));
        ArmCr3(kernel);
        WriteCr3(machine);
        Assert.Equal(RfcV5Vectors.Bytes("E1"), kernel.Tool.Event());
        Assert.Equal(RfcV5Vectors.Bytes("C14"), kernel.Tool.Reply("C13"));
        kernel.Tool.Send("W1");
        Assert.Equal("set rip 1111111111111111", kernel.NextDone());
        Assert.Equal("cr 1bbb000", kernel.NextDone());
        Assert.Equal(RfcV5Vectors.Bytes("C2"), kernel.Tool.Reply("C1"));
    }

    [Theory]
    [InlineData(RfcV5Profile.Code, "cr 42")]
    [InlineData(RfcV5Profile.Document, "cr 1bbb000")]
    public async Task Reply_that_names_another_event_of_its_size_counts_by_the_code_only(RfcV5Profile profile, string done)
    {
        var machine = RfcV5Fixture.VectorMachine();
        await using var kernel = new RfcV5Fixture(machine, RfcV5Fixture.Options(profile));
        ArmCr3(kernel);
        WriteCr3(machine);
        kernel.Tool.Event();
        var bytes = RfcV5Vectors.Bytes("R1").ToArray();
        bytes[12] = (byte)EventKind.Msr;
        BitConverter.TryWriteBytes(bytes.AsSpan(16), 0x42ul);
        kernel.Tool.Send(bytes);
        Assert.Equal(done, kernel.NextDone());
        Assert.Equal(RfcV5Vectors.Bytes("C2"), kernel.Tool.Reply("C1"));
    }

    [Fact]
    public async Task Second_reply_ends_the_session()
    {
        var machine = RfcV5Fixture.VectorMachine();
        await using var kernel = new RfcV5Fixture(machine);
        ArmCr3(kernel);
        WriteCr3(machine);
        kernel.Tool.Event();
        kernel.Tool.Send("R1");
        Assert.Equal("cr 1bbb000", kernel.NextDone());
        kernel.Tool.Send("R1");
        kernel.Tool.ExpectEndWithoutAByte();
    }

    // 1.8: events count as failed, registers that were set hold, every restricted page is free again.
    [Fact]
    public async Task Losing_the_tool_frees_the_guest()
    {
        var machine = RfcV5Fixture.VectorMachine();
        await using var kernel = new RfcV5Fixture(machine);
        ArmCr3(kernel);
        Assert.Equal(0, kernel.Access(0x3000, PageAccess.Read));
        WriteCr3(machine);
        kernel.Tool.Event();
        Assert.Equal(RfcV5Vectors.Bytes("C14"), kernel.Tool.Reply("C13"));
        kernel.Tool.Dispose();
        Assert.Equal("set rip 1111111111111111", kernel.NextDone());
        Assert.Equal("cr 1bbb000", kernel.NextDone());
        await kernel.Hook.Closed.WaitAsync(TimeSpan.FromMilliseconds(RawTool.GiveUpMilliseconds));
        Assert.True(machine.TryGetPageAccess(0x3000, out var access));
        Assert.Equal(PageAccess.All, access);
    }

    [Fact]
    public async Task Session_end_drops_the_vms_tokens()
    {
        await using var kernel = new RfcV5Fixture(RfcV5Fixture.VectorMachine());
        var reply = kernel.Tool.Reply("C33");
        Assert.Equal(Kvmi.Protocol.Dialects.DecodeStatus.Ok, RfcV5Tool.D.ReadReply(reply.AsSpan(16), out MapToken token));
        kernel.Tool.Dispose();
        await kernel.Hook.UnhookAsync();
        Assert.False(kernel.Context.Tokens!.TryTake(token, out _));
    }

    // As posted, a read of nothing blocks: the command is carried out when the next byte arrives (1.7, A28).
    [Fact]
    public async Task Posted_kernel_waits_behind_a_message_without_a_tail()
    {
        var machine = RfcV5Fixture.VectorMachine();
        await using var kernel = new RfcV5Fixture(machine, new RfcV5KernelOptions { BlocksOnEmptyReads = true });
        var version = RfcV5Vectors.Bytes("C1");

        // The VM command behind it would overtake; it does not, because its first byte is what sets the earlier one free.
        kernel.Tool.Send("C20");
        kernel.Tool.Send(version.AsSpan(0, 1));
        Assert.Equal(RfcV5Vectors.Bytes("C21"), kernel.Tool.Next());
        kernel.Tool.Send(version.AsSpan(1));
        Assert.Equal(RfcV5Vectors.Bytes("C2"), kernel.Tool.Next());

        // An answer of 8 bytes has no effect yet when the tool goes: the event fails instead.
        Assert.Equal(0, kernel.Events(0x10));
        machine[0].Queue(new VcpuExit { Kind = VcpuExitKind.Breakpoint, Gpa = 0x1000, Length = 1 });
        var breakpoint = kernel.Tool.Event();
        kernel.Tool.Answer(breakpoint, new EventReply { Action = EventAction.Retry });
        kernel.Tool.Dispose();
        Assert.Equal("bp", kernel.NextDone());
    }

    private static void ArmCr3(RfcV5Fixture kernel)
    {
        Assert.Equal(0, kernel.Events(0x1FE));
        Assert.Equal(0, RfcV5Tool.Error(kernel.Tool.Ask((d, s) => RfcV5Tool.D.Write(d, s, new ControlCr(0, 3, 1)))));
    }

    private static void WriteCr3(ScriptedMachine machine) =>
        machine[0].Queue(new VcpuExit { Kind = VcpuExitKind.CrWrite, Number = 3, OldValue = 0x1AA_A000, NewValue = 0x1BB_B000 });

    private static TheoryData<string, RfcV5Profile> MakeEnding()
    {
        var data = new TheoryData<string, RfcV5Profile>();
        foreach (var name in new[] { "X1", "X2", "X3", "X6", "X7", "X8", "X11" })
        {
            data.Add(name, RfcV5Profile.Code);
            data.Add(name, RfcV5Profile.Document);
        }

        return data;
    }
}
