using Kvmi.Protocol.Commands;
using Kvmi.Protocol.Dialects;
using static Kvmi.Protocol.Tests.Dialects.Later.KernelReader;

namespace Kvmi.Protocol.Tests.Dialects.Later;

/// <summary>What v7, v11 and v12 kernels do with commands and replies that are not as they should be (kvmi-later-dialects.md 3.4).</summary>
public abstract class LaterKernelRulesTests(KvmiDialect dialect)
{
    protected Dialect Codec { get; } = Dialect.Find(dialect)!;

    /// <summary>Commands that do not lie the same in all of them.</summary>
    protected abstract KernelReader[] OwnCommands { get; }

    /// <summary>What padding in the vCPU header leads to.</summary>
    protected abstract CommandStatus VcpuPadding { get; }

    private IEnumerable<KernelReader> Commands => Common.Concat(OwnCommands);

    [Fact]
    public void Padding_of_a_command_is_invalid()
    {
        foreach (var (name, length, _, padding, read) in Commands)
        {
            foreach (var position in padding)
            {
                Assert.True(read(Codec, With(length, position)) == CommandStatus.Invalid, $"{name}, byte {position}");
            }
        }
    }

    [Fact]
    public void Padding_of_the_vcpu_header_has_one_verdict()
    {
        foreach (var (name, length, _, _, read) in Commands.Where(command => command.HasVcpu))
        {
            Assert.True(read(Codec, With(length, 2)) == VcpuPadding, name);
            Assert.True(read(Codec, With(length, 7)) == VcpuPadding, name);
        }
    }

    [Fact]
    public void Missing_bytes_are_zero_and_surplus_is_ignored()
    {
        foreach (var (name, length, _, _, read) in Commands)
        {
            Assert.True(read(Codec, With(length + 8, length)) == CommandStatus.Ok, name + " with surplus");

            // The one that needs all its bytes.
            Assert.Equal(name == "SET_REGISTERS" ? CommandStatus.Invalid : CommandStatus.Ok, read(Codec, new byte[1]));
        }
    }

    [Fact]
    public void Registers_beyond_the_payload_are_not_believed()
    {
        var registers = new byte[16 + 8];
        registers[8] = 3;
        Assert.Equal(CommandStatus.Invalid, Codec.Read(registers, out GetRegisters _));
        registers[8] = 2;
        Assert.Equal(CommandStatus.Ok, Codec.Read(registers, out GetRegisters _));
    }

    [Theory]
    [InlineData(EventKind.PauseVcpu)]
    [InlineData(EventKind.Cr)]
    [InlineData(EventKind.PageFault)]
    public void Event_reply_with_surplus_or_padding_closes_and_a_short_one_reads_zeros(EventKind kind)
    {
        var length = Codec.EventReplyLength(kind);
        Assert.Equal(CommandStatus.Ok, ReadReply(kind, new byte[length - 8], out _));
        Assert.Equal(CommandStatus.Close, ReadReply(kind, new byte[length - 7], out _));
        Assert.Equal(CommandStatus.Ok, ReadReply(kind, new byte[9], out _));
        foreach (var position in new[] { 2, 7, 10, 15 })
        {
            Assert.Equal(CommandStatus.Close, ReadReply(kind, With(length - 8, position), out _));
        }

        var cut = With(12, 8);
        Assert.Equal(CommandStatus.Ok, ReadReply(kind, cut, out var action));
        Assert.Equal((EventAction)0xff, action);
    }

    [Fact]
    public void Actions_are_the_documents()
    {
        EventKind[] retry = [EventKind.Breakpoint, EventKind.PageFault, EventKind.Descriptor];
        foreach (var kind in Enum.GetValues<EventKind>())
        {
            var hasReply = Codec.ExpectsReply(kind);
            Assert.Equal(hasReply, Codec.IsLegalAction(kind, EventAction.Continue));
            Assert.Equal(hasReply, Codec.IsLegalAction(kind, EventAction.Crash));
            Assert.Equal(retry.Contains(kind), Codec.IsLegalAction(kind, EventAction.Retry));
            Assert.False(Codec.IsLegalAction(kind, (EventAction)3));
            Assert.False(hasReply && !Codec.TryGetEventId(kind, out _));
            Assert.False(Codec.TryGetEventId(kind, out var id) && !(Codec.TryGetEvent(id, out var again) && again == kind));
        }

        Assert.False(Codec.TryGetEventId((EventKind)(-1), out _));
    }

    [Fact]
    public void Positive_error_codes_are_no_errors_of_the_protocol() =>
        Assert.Equal(DecodeStatus.InvalidField, Codec.ReadReply(With(8, 0), out KvmiError _, out _));

    protected CommandStatus ReadReply(EventKind kind, byte[] payload, out EventAction action)
    {
        var message = new byte[8 + payload.Length];
        new MessageHeader(0, (ushort)payload.Length, 1).Write(message);
        payload.CopyTo(message, 8);
        var status = Codec.ReadEventReply(message, kind, out _, out _, out var reply);
        action = reply.Action;
        return status;
    }
}
