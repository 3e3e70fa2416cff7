using System.Runtime.InteropServices;
using Kvmi.Protocol;
using Kvmi.Protocol.Commands;
using Kvmi.Simulator.Kernel.Mapping;
using Kvmi.TestSupport;

namespace Kvmi.Simulator.Tests.Kernel.RfcV5;

/// <summary>The vectors of rfc-v5 as conversation: each command of section 11 gets the bytes of its reply, in both profiles.</summary>
public sealed class RfcV5CommandTests
{
    private static Kvmi.Protocol.Dialects.Dialect D => RfcV5Tool.D;

    public static TheoryData<string, string, RfcV5Profile> Pairs { get; } = MakePairs();

    public static TheoryData<string, RfcV5Profile> Succeeding { get; } = Times("C26", "C27", "C36", "C38", "C39", "C40");

    [Theory]
    [MemberData(nameof(Pairs))]
    public async Task Vector_gets_its_reply(string request, string reply, RfcV5Profile profile)
    {
        var tokens = new MapTokens(TimeProvider.System, Counting);
        await using var kernel = new RfcV5Fixture(RfcV5Fixture.VectorMachine(), RfcV5Fixture.Options(profile), tokens: tokens);
        if (request == "C18")
        {
            Assert.Equal(0, kernel.Access(0x7FFF_F000, PageAccess.ReadExecute));
        }

        Same(RfcV5Vectors.Bytes(reply), kernel.Tool.Reply(request));
    }

    [Theory]
    [MemberData(nameof(Succeeding))]
    public async Task Vector_without_a_recorded_reply_succeeds_with_its_id_and_sequence(string request, RfcV5Profile profile)
    {
        await using var kernel = new RfcV5Fixture(RfcV5Fixture.VectorMachine(), RfcV5Fixture.Options(profile));
        var bytes = RfcV5Vectors.Bytes(request);
        var reply = kernel.Tool.Reply(request);
        byte[] expected = [bytes[0], bytes[1], 8, 0, .. bytes[4..8], .. new byte[8]];
        Same(expected, reply);
    }

    [Theory]
    [InlineData(RfcV5Profile.Code)]
    [InlineData(RfcV5Profile.Document)]
    public async Task Error_replies_are_the_vectors(RfcV5Profile profile)
    {
        var machine = RfcV5Fixture.VectorMachine();
        machine[0].Msrs[0x176] = null;
        machine[2].Leaves.Clear();
        machine[1].IsInitialized = false;
        machine.Hole = 1;
        ushort[] commands = [1, 6, 13, 15, 25, 28];
        await using var kernel = new RfcV5Fixture(machine, RfcV5Fixture.Options(profile), commands, [1, 6]);
        Same(RfcV5Vectors.Bytes("C12"), kernel.Tool.Reply("C10"));
        Same(RfcV5Vectors.Bytes("C17"), kernel.Tool.Reply("C15"));
        Same(RfcV5Vectors.Bytes("C30"), kernel.Tool.Reply("C28"));
        Same(RfcV5Vectors.Bytes("C43"), kernel.Tool.Reply(Numbered("C8", 0x1017)));
        Same(RfcV5Vectors.Bytes("C44"), kernel.Tool.Reply(Numbered("C31", 0x1018)));
        Same(RfcV5Vectors.Bytes("C45"), kernel.Tool.Reply(Numbered("C40", 0x1019)));
    }

    [Fact]
    public async Task A_vm_event_in_a_vcpu_mask_gets_the_bytes_that_the_document_spells_out()
    {
        await using var kernel = new RfcV5Fixture(RfcV5Fixture.VectorMachine());
        Same(Convert.FromHexString("1100080012100000eaffffff00000000"), kernel.Tool.Reply("C37"));
    }

    [Fact]
    public async Task Version_tells_what_the_administrator_allows()
    {
        await using var kernel = new RfcV5Fixture(RfcV5Fixture.VectorMachine(), commands: [3, 13], events: [1, 6]);
        Same(RfcV5Vectors.Bytes("C3"), kernel.Tool.Reply("C1"));
    }

    [Fact]
    public async Task Tenth_token_is_refused()
    {
        await using var kernel = new RfcV5Fixture(RfcV5Fixture.VectorMachine());
        var seen = new HashSet<string>();
        for (var i = 0; i < 9; i++)
        {
            Assert.True(seen.Add(Convert.ToHexString(kernel.Tool.Reply("C33").AsSpan(16))));
        }

        Same(RfcV5Vectors.Bytes("C35"), kernel.Tool.Reply("C33"));
    }

    [Fact]
    public async Task Vcpu_that_does_not_exist_is_invalid_before_anything_else_is_looked_at()
    {
        var machine = RfcV5Fixture.VectorMachine();
        machine[1].IsInitialized = false;
        await using var kernel = new RfcV5Fixture(machine, RfcV5Fixture.Options(RfcV5Profile.Document));
        foreach (var vector in new[] { "C4", "C8", "C13", "C15", "C18", "C22", "C26", "C36", "C38", "C39", "C41" })
        {
            var bytes = RfcV5Vectors.Bytes(vector).ToArray();
            (bytes[8], bytes[9]) = (4, 0);
            Assert.Equal(-22, RfcV5Tool.Error(kernel.Tool.Reply(bytes)));
            bytes[8] = 1;
            Assert.Equal(-11, RfcV5Tool.Error(kernel.Tool.Reply(bytes)));
        }
    }

    // rfc-v5 3.11 and 3.14: first what no mask can hold, then what the administrator keeps back.
    [Fact]
    public async Task Event_masks_have_their_errors_in_order_and_replace_the_whole_set()
    {
        await using var kernel = new RfcV5Fixture(RfcV5Fixture.VectorMachine(), events: [0, 1, 6]);
        Assert.Equal(-22, kernel.Events(0x205));
        Assert.Equal(-22, kernel.Events(0x801));
        Assert.Equal(-1, kernel.Events(0x46));
        Assert.Equal(-1, kernel.Events(0x400));
        Assert.Equal(0, kernel.Events(0x42));
        Assert.Equal(-22, kernel.VmEvents(0x203));
        Assert.Equal(-1, kernel.VmEvents(0x200));
        Assert.Equal(0, kernel.VmEvents(1));
        Assert.True(kernel.Hook.IsVmEventEnabled(EventKind.Unhook));
        Assert.Equal(0, kernel.VmEvents(0));
        Assert.False(kernel.Hook.IsVmEventEnabled(EventKind.Unhook));
    }

    [Theory]
    [InlineData(0, 0)]
    [InlineData(3, 0)]
    [InlineData(4, 0)]
    [InlineData(2, -22)]
    [InlineData(8, -22)]
    public async Task Controllable_control_registers(uint cr, int error)
    {
        await using var kernel = new RfcV5Fixture(RfcV5Fixture.VectorMachine());
        Assert.Equal(error, RfcV5Tool.Error(kernel.Tool.Ask((d, s) => D.Write(d, s, new ControlCr(0, cr, 7)))));
    }

    [Theory]
    [InlineData(0u, 0)]
    [InlineData(0x1FFFu, 0)]
    [InlineData(0x2000u, -22)]
    [InlineData(0xBFFF_FFFFu, -22)]
    [InlineData(0xC000_0000u, 0)]
    [InlineData(0xC000_1FFFu, 0)]
    [InlineData(0xC000_2000u, -22)]
    public async Task Controllable_msrs_with_both_ends(uint msr, int error)
    {
        await using var kernel = new RfcV5Fixture(RfcV5Fixture.VectorMachine());
        Assert.Equal(error, RfcV5Tool.Error(kernel.Tool.Ask((d, s) => D.Write(d, s, new ControlMsr(0, msr, 1)))));
    }

    [Fact]
    public async Task Page_access_stops_at_the_first_bad_entry_and_keeps_the_earlier_ones()
    {
        await using var kernel = new RfcV5Fixture(RfcV5Fixture.VectorMachine());
        PageAccessEntry[] entries = [new(0x3000, PageAccess.Read), new(0x4000, (PageAccess)8), new(0x5000, PageAccess.Read)];
        Assert.Equal(-22, RfcV5Tool.Error(kernel.Tool.Ask((d, s) => D.WriteSetPageAccess(d, s, 1, 0, entries))));
        var reply = kernel.Tool.Ask((d, s) => D.WriteGetPageAccess(d, s, 2, 0, [0x3FFF, 0x4000, 0x5000, 0x1234_5678_9000]));
        Same([1, 7, 7, 7], reply[16..]);
        Assert.Equal(-22, RfcV5Tool.Error(kernel.Tool.Ask((d, s) => D.WriteGetPageAccess(d, s, 2, 1, [0x3000]))));
    }

    [Theory]
    [InlineData(RfcV5Profile.Code, 0)]
    [InlineData(RfcV5Profile.Document, -22)]
    public async Task Write_without_read_and_padding_matter_to_the_document_alone(RfcV5Profile profile, int error)
    {
        await using var kernel = new RfcV5Fixture(RfcV5Fixture.VectorMachine(), RfcV5Fixture.Options(profile));
        Assert.Equal(error, kernel.Access(0x3000, PageAccess.Write));
        Assert.Equal(error, kernel.Access(0x3000, PageAccess.Write | PageAccess.Execute));
        var padded = RfcV5Vectors.Bytes("C36").ToArray();
        padded[10] = 1;
        Assert.Equal(error, RfcV5Tool.Error(kernel.Tool.Reply(padded)));
        padded = RfcV5Vectors.Bytes("C41").ToArray();
        padded[15] = 1;
        Assert.Equal(error, RfcV5Tool.Error(kernel.Tool.Reply(padded)));
        Assert.Equal(error, RfcV5Tool.Error(kernel.Tool.Ask((d, s) => D.Write(d, s, new InjectException(0, 40, 0, 0)))));
    }

    [Fact]
    public async Task More_msrs_than_a_reply_can_hold_are_invalid()
    {
        await using var kernel = new RfcV5Fixture(RfcV5Fixture.VectorMachine());
        Assert.Equal(-22, RfcV5Tool.Error(kernel.Tool.Reply(GetRegisters(4066))));
        var largest = kernel.Tool.Reply(GetRegisters(4065));
        Assert.Equal(8 + 480 + (16 * 4065), largest.Length);
        Assert.Equal(4064u, BitConverter.ToUInt32(largest.AsSpan(8 + 480 + (16 * 4064))));
    }

    [Theory]
    [InlineData(RfcV5Profile.Code)]
    [InlineData(RfcV5Profile.Document)]
    public async Task Registers_outside_an_event_are_dropped_and_answered_as_success(RfcV5Profile profile)
    {
        await using var kernel = new RfcV5Fixture(RfcV5Fixture.VectorMachine(), RfcV5Fixture.Options(profile));
        Same(RfcV5Vectors.Bytes("C14"), kernel.Tool.Reply("C13"));
        Same(RfcV5Vectors.Bytes("C14"), kernel.Tool.Reply("C13"));
        await using var strict = new RfcV5Fixture(RfcV5Fixture.VectorMachine(), new RfcV5KernelOptions { RefusesLateRegisters = true });
        Assert.Equal(-22, RfcV5Tool.Error(strict.Tool.Reply("C13")));
        await kernel.Hook.UnhookAsync();
        Assert.DoesNotContain("set", string.Join(' ', ((ScriptedMachine)kernel.Context.Machine)[0].Done), StringComparison.Ordinal);
    }

    [Fact]
    public async Task Full_page_messages_have_their_true_sizes()
    {
        await using var kernel = new RfcV5Fixture(RfcV5Fixture.VectorMachine());
        byte[] page = [.. Enumerable.Range(0, 4096).Select(number => (byte)(number >> 4))];
        Assert.Equal(0, RfcV5Tool.Error(kernel.Tool.Ask((d, s) => D.Write(d, s, new WritePhysical(0x6000, page)))));
        var reply = kernel.Tool.Ask((d, s) => D.Write(d, s, new ReadPhysical(0x6000, 4096)));
        Assert.Equal(4112, reply.Length);
        Same(page, reply[16..]);
    }

    [Fact]
    public async Task Speed_is_zero_without_tsc_scaling()
    {
        await using var kernel = new RfcV5Fixture(RfcV5Fixture.VectorMachine(), new RfcV5KernelOptions { HasTscScaling = false });
        Assert.Equal(0ul, BitConverter.ToUInt64(kernel.Tool.Reply("C4").AsSpan(24)));
    }

    private static byte[] GetRegisters(int count)
    {
        var message = new byte[16 + (count * 4)];
        new MessageHeader(6, (ushort)(8 + (count * 4)), 77).Write(message);
        BitConverter.TryWriteBytes(message.AsSpan(10), (ushort)count);
        MemoryMarshal.Cast<int, byte>(Enumerable.Range(0, count).ToArray()).CopyTo(message.AsSpan(16));
        return message;
    }

    private static byte[] Numbered(string vector, uint sequence)
    {
        var bytes = RfcV5Vectors.Bytes(vector).ToArray();
        BitConverter.TryWriteBytes(bytes.AsSpan(4), sequence);
        return bytes;
    }

    private static void Counting(Span<byte> bytes)
    {
        for (var i = 0; i < bytes.Length; i++)
        {
            bytes[i] = (byte)i;
        }
    }

    private static void Same(byte[] expected, byte[] actual) => Assert.Equal(Convert.ToHexString(expected), Convert.ToHexString(actual));

    private static TheoryData<string, string, RfcV5Profile> MakePairs()
    {
        var data = new TheoryData<string, string, RfcV5Profile>();
        (string, string)[] pairs =
        [
            ("C1", "C2"), ("C4", "C5"), ("C6", "C7"), ("C8", "C9"), ("C10", "C11"), ("C13", "C14"), ("C15", "C16"), ("C18", "C19"), ("C20", "C21"),
            ("C22", "C23"), ("C24", "C25"), ("C28", "C29"), ("C31", "C32"), ("C33", "C34"), ("C41", "C42"), ("C46", "C47"),
        ];
        foreach (var (request, reply) in pairs)
        {
            data.Add(request, reply, RfcV5Profile.Code);
            data.Add(request, reply, RfcV5Profile.Document);
        }

        return data;
    }

    private static TheoryData<string, RfcV5Profile> Times(params string[] names)
    {
        var data = new TheoryData<string, RfcV5Profile>();
        foreach (var name in names)
        {
            data.Add(name, RfcV5Profile.Code);
            data.Add(name, RfcV5Profile.Document);
        }

        return data;
    }
}
