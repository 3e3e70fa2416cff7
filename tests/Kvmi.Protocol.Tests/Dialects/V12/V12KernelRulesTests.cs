using System.Buffers.Binary;
using Kvmi.Protocol.Commands;
using Kvmi.Protocol.Dialects;
using Kvmi.Protocol.Events;
using Kvmi.Protocol.Registers;
using Kvmi.Protocol.Tests.Dialects.Later;
using static Kvmi.Protocol.Tests.Dialects.Later.KernelReader;

namespace Kvmi.Protocol.Tests.Dialects.V12;

/// <summary>What only v11 and v12 kernels do (kvmi-later-dialects.md 3.4).</summary>
public sealed class V12KernelRulesTests() : LaterKernelRulesTests(KvmiDialect.V12)
{
    protected override CommandStatus VcpuPadding => CommandStatus.Invalid;

    protected override KernelReader[] OwnCommands =>
    [
        new("PAUSE", 8, false, [3, 7], (codec, payload) => codec.Read(payload, out PauseVcpu _)),
        new("CONTROL_CR", 16, true, [10, 15], (codec, payload) => codec.Read(payload, out ControlCr _)),
        new("CONTROL_CLEANUP", 8, false, [1, 7], (codec, payload) => codec.Read(payload, out ControlCleanup _)),
        new("SET_PAGE_ACCESS", 8, false, [2, 7], (codec, payload) => codec.Read(payload, out SetPageAccess _)),
    ];

    [Theory]
    [InlineData(0, CommandStatus.Ok)]
    [InlineData(1, CommandStatus.Ok)]
    [InlineData(2, CommandStatus.Invalid)]
    public void Wait_of_pause_is_0_or_1(byte wait, CommandStatus expected)
    {
        Assert.Equal(expected, Codec.Read([5, 0, wait, 0, 0, 0, 0, 0], out PauseVcpu pause));
        Assert.Equal((5, wait != 0), (pause.Vcpu, pause.Wait));
    }

    [Theory]
    [InlineData(5, 4, CommandStatus.Close)]
    [InlineData(4, 4, CommandStatus.Ok)]
    [InlineData(3, 4, CommandStatus.Ok)]
    [InlineData(0, 0, CommandStatus.Ok)]
    public void Write_beyond_its_payload_closes_and_surplus_is_ignored(byte size, int bytes, CommandStatus expected)
    {
        var payload = new byte[16 + bytes];
        payload[8] = size;
        Assert.Equal(expected, Codec.Read(payload, out WritePhysical write));
        Assert.Equal(expected == CommandStatus.Ok ? size : 0, write.Data.Length);
        payload[10] = 1;
        Assert.Equal(expected == CommandStatus.Ok ? CommandStatus.Invalid : expected, Codec.Read(payload, out WritePhysical _));
        Assert.Equal(CommandStatus.Close, Codec.Read(payload.AsSpan(0, 15), out WritePhysical _));
    }

    [Fact]
    public void Entries_beyond_the_payload_are_not_believed()
    {
        var access = new byte[8 + 31];
        access[0] = 2;
        Assert.Equal(CommandStatus.Close, Codec.Read(access, out SetPageAccess _));
        access[0] = 1;
        Assert.Equal(CommandStatus.Ok, Codec.Read(access, out SetPageAccess one));
        Assert.Equal((1, 0), (one.Count, one.View));
        access[17] = 1;
        Codec.Read(access, out SetPageAccess padded);
        Assert.False(padded.TryGetEntry(0, out _, out _));
    }

    [Fact]
    public void An_xsave_area_has_4096_bytes()
    {
        Assert.Equal(CommandStatus.Invalid, Codec.ReadSetXsave(new byte[8 + 4095], out _, out _));
        Assert.Equal(CommandStatus.Ok, Codec.ReadSetXsave(new byte[8 + 4096], out _, out _));
        Assert.Equal(CommandStatus.Ok, Codec.ReadSetXsave(new byte[8 + 4097], out _, out var area));
        Assert.Equal(4096, area.Length);
        Assert.Equal(CommandStatus.Invalid, Codec.ReadSetXsave(With(8 + 4096, 2), out _, out _));
    }

    [Fact]
    public void A_cr_reply_of_16_bytes_installs_0()
    {
        var message = new byte[24];
        new MessageHeader(1, 16, 1).Write(message);
        Assert.Equal(CommandStatus.Ok, Codec.ReadEventReply(message, EventKind.Cr, out _, out _, out var reply));
        Assert.Equal(0ul, reply.NewValue);
        Assert.Equal((32, 24), (Codec.EventReplyLength(EventKind.Msr), Codec.EventReplyLength(EventKind.PageFault)));
    }

    [Fact]
    public void Rules_of_events_are_the_documents()
    {
        foreach (var kind in Enum.GetValues<EventKind>())
        {
            var isThere = Codec.TryGetEventId(kind, out var id);
            Assert.Equal(kind is not (EventKind.CreateVcpu or EventKind.CommandError or EventKind.Cpuid), isThere);
            Assert.Equal(kind == EventKind.Unhook, Codec.IsVmEvent(kind));
            Assert.Equal(isThere && kind != EventKind.Unhook, Codec.ExpectsReply(kind));

            // Events of a vCPU have odd ids (3.3).
            Assert.Equal(isThere && kind != EventKind.Unhook, (id & 1) != 0);
        }

        Assert.False(Codec.TryGetEvent(2, out _));
        Assert.False(Codec.TryGetEvent(20, out _));
    }

    [Fact]
    public void Roles_follow_from_ids_0_and_1()
    {
        Assert.Equal(MessageRole.Event, Codec.Classify(MessageDirection.KernelToTool, 0));
        Assert.Equal(MessageRole.Event, Codec.Classify(MessageDirection.KernelToTool, 1));
        Assert.Equal(MessageRole.CommandReply, Codec.Classify(MessageDirection.KernelToTool, 2));
        Assert.Equal(MessageRole.EventReply, Codec.Classify(MessageDirection.ToolToKernel, 1));
        Assert.Equal(MessageRole.Command, Codec.Classify(MessageDirection.ToolToKernel, 0));
    }

    [Theory]
    [InlineData(1, 1, 552, DecodeStatus.Ok)]
    [InlineData(1, 1, 551, DecodeStatus.TooShort)]
    [InlineData(1, 7, 552, DecodeStatus.TooShort)]
    [InlineData(1, 2, 552, DecodeStatus.UnknownId)]
    [InlineData(1, 0, 552, DecodeStatus.UnknownId)]
    [InlineData(0, 0, 8, DecodeStatus.Ok)]
    [InlineData(0, 0, 7, DecodeStatus.TooShort)]
    [InlineData(0, 2, 8, DecodeStatus.UnknownId)]
    [InlineData(0, 1, 552, DecodeStatus.UnknownId)]
    [InlineData(2, 1, 552, DecodeStatus.UnknownId)]
    public void Events_that_are_too_short_or_unknown_are_refused(ushort messageId, ushort id, ushort size, DecodeStatus expected)
    {
        var message = Event(messageId, id, size);
        Assert.Equal(expected, Codec.ReadEvent(message, out _));
        if (messageId == 1 && expected == DecodeStatus.Ok)
        {
            BinaryPrimitives.WriteUInt16LittleEndian(message.AsSpan(16), 543);
            Assert.Equal(DecodeStatus.InvalidField, Codec.ReadEvent(message, out _));
            BinaryPrimitives.WriteUInt16LittleEndian(message.AsSpan(16), 545);
            Assert.Equal(DecodeStatus.TooShort, Codec.ReadEvent(message, out _));
        }
    }

    [Fact]
    public void The_base_may_grow()
    {
        var message = Event(1, 7, 8 + 560 + 24);
        BinaryPrimitives.WriteUInt16LittleEndian(message.AsSpan(16), 560);
        message[8 + 8 + 560] = 4;
        Assert.Equal(DecodeStatus.Ok, Codec.ReadEvent(message, out var frame));
        Assert.Equal(4, frame.Cr);
    }

    [Fact]
    public void Unhook_is_sixteen_bytes_and_has_no_machine_state()
    {
        var message = new byte[64];
        var state = new VcpuState { Mode = 8 };
        state.Regs.Rip = 5;
        var length = Codec.WriteEvent(message, 9, 3, in state, EventBody.Plain(EventKind.Unhook));
        Assert.Equal("00000800090000000000000000000000", Convert.ToHexStringLower(message.AsSpan(0, length)));
        Assert.Equal(DecodeStatus.Ok, Codec.ReadEvent(message.AsSpan(0, length), out var frame));
        Assert.Equal((EventKind.Unhook, 9u, 0), (frame.Kind, frame.Sequence, frame.Vcpu));
        Assert.Equal((0, 0, 0ul, 0ul, 0ul), (frame.Mode, frame.View, frame.Regs.Rip, frame.Sregs.Cr3, frame.Msrs.Lstar));
        Assert.True(frame.Data.IsEmpty);
    }

    [Fact]
    public void An_unknown_event_of_a_vcpu_is_answered_and_one_of_the_vm_is_not()
    {
        var message = Event(1, 21, 552);
        message[18] = 3;
        Assert.Equal(DecodeStatus.UnknownId, Codec.ReadEvent(message, out _));
        Assert.Equal(DecodeStatus.Ok, Codec.ReadUnknownEvent(message, out var vcpu, out var id));
        Assert.Equal((3, 21), (vcpu, id));
        Assert.Equal(DecodeStatus.TooShort, Codec.ReadUnknownEvent(message.AsSpan(0, 100), out _, out _));
        var reply = new byte[24];
        Assert.Equal(24, Codec.WriteUnknownEventReply(reply, 8, vcpu, id));
        Assert.Equal("010010000800000003000000000000000015000000000000", Convert.ToHexStringLower(reply));

        // Nobody waits for it: an answer would end the connection (3.4).
        Assert.NotEqual(DecodeStatus.Ok, Codec.ReadUnknownEvent(Event(0, 2, 552), out _, out _));
    }

    private static byte[] Event(ushort messageId, ushort id, ushort size)
    {
        var message = new byte[8 + size];
        new MessageHeader(messageId, size, 1).Write(message);
        if (size >= 10)
        {
            BinaryPrimitives.WriteUInt16LittleEndian(message.AsSpan(16), 544);
        }

        BinaryPrimitives.WriteUInt16LittleEndian(message.AsSpan(8), id);
        return message;
    }
}
