using Kvmi.Protocol;
using Kvmi.Protocol.Commands;
using Kvmi.Protocol.Dialects;
using Kvmi.Protocol.Events;

namespace Kvmi.Simulator.Tests.Kernel;

/// <summary>What ends the connection to a v12 or v11 kernel and what only gets an error (kvmi-later-dialects.md 3.4).</summary>
public sealed class V12StrictnessTests
{
    private static readonly Dialect D = Dialect.Find(KvmiDialect.V12)!;

    public static TheoryData<string, ushort, byte[]> ClosingMessages => new()
    {
        { "WRITE size above the payload", 14, [0, 0, 0, 0, 0, 0, 0, 0, 9, 0, 0, 0, 0, 0, 0, 0, 1, 2] },
        { "page access count above the payload", 20, [2, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0] },
        { "event reply that nobody waits for", 1, [0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0] },
        { "event reply for a vCPU that does not exist", 1, [9, 0, 0, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0] },
    };

    public static TheoryData<string, ushort, byte[], int> AnsweredMessages => new()
    {
        { "vCPU header padding", 3, [0, 0, 1, 0, 0, 0, 0, 0], -22 },
        { "vCPU header padding of a command without a body", 19, [0, 0, 0, 0, 0, 0, 0, 1], -22 },
        { "PAUSE padding", 16, [0, 0, 0, 0, 0, 0, 0, 1], -22 },
        { "WRITE size below the payload", 14, [0, 16, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 1, 2], 0 },
        { "WRITE padding", 14, [0, 16, 0, 0, 0, 0, 0, 0, 1, 0, 1, 0, 0, 0, 0, 0, 1], -22 },
        { "READ padding", 12, [0, 16, 0, 0, 0, 0, 0, 0, 1, 0, 1, 0, 0, 0, 0, 0], -22 },
        { "page access padding", 20, [0, 0, 1, 0, 0, 0, 0, 0], -22 },
        { "enable above 1", 5, [0, 0, 0, 0, 0, 0, 0, 0, 7, 0, 2, 0, 0, 0, 0, 0], -22 },
        { "a VM event switched as one of a vCPU", 5, [0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0, 0, 0], -22 },
        { "a command that leaves its padding out", 27, [0, 0, 0, 0, 0, 0, 0, 0, 1], 0 },
        { "an id without a command", 24, [], -1000 },
        { "a command shorter than its structure", 5, [0, 0], -22 },
    };

    [Theory]
    [MemberData(nameof(ClosingMessages))]
    public async Task Closes_the_connection(string what, ushort id, byte[] payload)
    {
        await using var kernel = new KernelFixture(dialect: KvmiDialect.V12);
        kernel.Tool.SendRaw(id, payload);
        kernel.Tool.ExpectClose();
        Assert.True(kernel.Hook.CloseReason is not null, what);
    }

    [Theory]
    [MemberData(nameof(AnsweredMessages))]
    public async Task Answers_and_goes_on(string what, ushort id, byte[] payload, int error)
    {
        await using var kernel = new KernelFixture(dialect: KvmiDialect.V12);
        var reply = kernel.Tool.AskRaw(id, payload);
        Assert.True((error, 8) == (reply.Error, reply.Payload.Length), $"{what}: {reply.Error}, {reply.Payload.Length} bytes");
        Assert.Equal(0, kernel.Tool.Ask((d, s) => D.WriteEmpty(d, s, CommandKind.GetVmInfo)).Error);
    }

    [Fact]
    public async Task The_id_of_vm_events_is_no_command()
    {
        await using var kernel = new KernelFixture(dialect: KvmiDialect.V12);
        kernel.Tool.SendBytes([0, 0, 0, 0, 9, 0, 0, 0]);
        Assert.Equal([0, 0, 8, 0, 9, 0, 0, 0, 0x18, 0xfc, 0xff, 0xff, 0, 0, 0, 0], kernel.Tool.Next()!.Bytes);
    }

    [Fact]
    public async Task A_message_above_the_limit_closes_before_its_body_is_read()
    {
        await using var kernel = new KernelFixture(dialect: KvmiDialect.V12);
        kernel.Tool.SendBytes([2, 0, 0xf9, 0x1f, 1, 0, 0, 0]);
        kernel.Tool.ExpectClose();
    }

    [Theory]
    [InlineData(EventAction.Retry)]
    [InlineData((EventAction)9)]
    public async Task An_unsupported_action_closes_and_the_write_is_not_carried_out(EventAction action)
    {
        await using var kernel = new KernelFixture(dialect: KvmiDialect.V12);
        kernel.Tool.Answer(kernel.WriteCr3(1, 2), action, newValue: 2);
        kernel.Tool.ExpectClose();
        Assert.Equal("cr 1", kernel.NextDone());
        Assert.Contains("action", kernel.Hook.CloseReason, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_short_cr_reply_installs_zero()
    {
        await using var kernel = new KernelFixture(dialect: KvmiDialect.V12);
        var message = kernel.WriteCr3(1, 2);
        var buffer = new byte[64];
        D.WriteEventReply(buffer, message.Header.Sequence, 0, EventKind.Cr, new EventReply { NewValue = 5 });
        buffer[2] = 16;
        kernel.Tool.SendBytes(buffer.AsSpan(0, 24));
        Assert.Equal("cr 0", kernel.NextDone());
    }

    [Theory]
    [InlineData("longer")]
    [InlineData("vCPU padding")]
    [InlineData("reply padding")]
    [InlineData("sequence")]
    public async Task A_wrong_event_reply_closes_and_the_guest_goes_on(string what)
    {
        await using var kernel = new KernelFixture(dialect: KvmiDialect.V12);
        var message = kernel.WriteCr3(1, 2);
        var buffer = new byte[64];
        var length = D.WriteEventReply(buffer, message.Header.Sequence, 0, EventKind.Cr, new EventReply { NewValue = 9 });
        switch (what)
        {
            case "longer":
                buffer[2]++;
                length++;
                break;
            case "vCPU padding":
                buffer[10] = 1;
                break;
            case "reply padding":
                buffer[18] = 1;
                break;
            default:
                buffer[4]++;
                break;
        }

        kernel.Tool.SendBytes(buffer.AsSpan(0, length));
        kernel.Tool.ExpectClose();
        Assert.Equal("cr 2", kernel.NextDone());
    }

    [Fact]
    public async Task The_event_that_a_reply_names_is_not_checked()
    {
        await using var kernel = new KernelFixture(dialect: KvmiDialect.V12);
        var message = kernel.WriteCr3(1, 2);
        var buffer = new byte[64];
        var length = D.WriteEventReply(buffer, message.Header.Sequence, 0, EventKind.Cr, new EventReply { NewValue = 9 });
        buffer[17] = 3;
        kernel.Tool.SendBytes(buffer.AsSpan(0, length));
        Assert.Equal("cr 9", kernel.NextDone());
        Assert.False(kernel.Hook.IsClosed);
    }

    [Fact]
    public async Task A_forbidden_command_is_not_looked_at()
    {
        await using var kernel = new KernelFixture(dialect: KvmiDialect.V12, commands: [8]);
        Assert.Equal(-1, kernel.Tool.AskRaw(5, [9, 0, 1, 1]).Error);
        Assert.Equal(-1, kernel.Tool.AskRaw(20, [2, 0, 0, 0, 0, 0, 0, 0]).Error);
        Assert.False(kernel.Hook.IsClosed);
    }
}
