using System.Buffers.Binary;
using FsCheck;
using FsCheck.Fluent;
using Kvmi.Protocol.Dialects;

namespace Kvmi.Protocol.Tests.Dialects;

public sealed class DialectProbeTests
{
    [Theory]
    [InlineData(KvmiError.None)]
    [InlineData(KvmiError.NotPermitted)]
    public void V7_has_no_largest_payload_and_knows_command_29(KvmiError error)
    {
        var reply = CaptureFiles.First("kvmi-v7-setup.hex", MessageDirection.KernelToTool, header => header.Id == 2);
        var asked = DialectProbe.ReadVersionReply(reply.AsSpan(8));
        Assert.Equal((ProbeOutcome.CheckCommand, (ushort)3, (ushort)29), (asked.Outcome, asked.CheckCommandId, asked.AskedId));

        var found = DialectProbe.ReadCheckReply(asked, error);
        Assert.Equal(ProbeOutcome.Found, found.Outcome);
        Assert.Equal(KvmiDialect.V7, found.Dialect);
        Assert.Equal(1u, found.Version.Version);
        Assert.Equal(0u, found.Version.MaxMessageSize);
    }

    [Theory]
    [InlineData(KvmiError.None, KvmiDialect.V11)]
    [InlineData(KvmiError.NotPermitted, KvmiDialect.V11)]
    [InlineData(KvmiError.NoEntry, KvmiDialect.V12)]
    public void V11_and_v12_tell_a_largest_payload_and_differ_in_command_22(KvmiError error, KvmiDialect dialect)
    {
        var asked = DialectProbe.ReadVersionReply(Reply(1, 8184, 0, 0));
        Assert.Equal((ProbeOutcome.CheckCommand, (ushort)4, (ushort)22), (asked.Outcome, asked.CheckCommandId, asked.AskedId));
        Assert.Equal(8184u, asked.Version.MaxMessageSize);
        Assert.Equal(dialect, DialectProbe.ReadCheckReply(asked, error).Dialect);
    }

    [Theory]
    [InlineData(4, KvmiError.NoEntry, "list v7 or list v8")]
    [InlineData(2, KvmiError.NoEntry, "list v7 or list v8")]
    [InlineData(2, KvmiError.None, "v6")]
    public void Unsupported_families_are_named(int words, KvmiError error, string name)
    {
        var asked = DialectProbe.ReadVersionReply(Reply([.. new uint[] { 1, 0, 0, 0 }.Take(words)]));
        Assert.Equal(29, asked.AskedId);
        var result = DialectProbe.ReadCheckReply(asked, error);
        Assert.Equal(ProbeOutcome.Unsupported, result.Outcome);
        Assert.Null(result.Dialect);
        Assert.StartsWith(name, result.Description, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(KvmiError.InvalidArgument)]
    [InlineData((KvmiError)7)]
    public void Other_errors_of_the_check_are_unknown(KvmiError error)
    {
        var result = DialectProbe.ReadCheckReply(DialectProbe.ReadVersionReply(Reply(1, 0, 0, 0)), error);
        Assert.Equal(ProbeOutcome.Unknown, result.Outcome);
        Assert.Contains(((int)error).ToString(System.Globalization.CultureInfo.InvariantCulture), result.Description, StringComparison.Ordinal);
    }

    [Fact]
    public void List_v9_answers_without_a_version()
    {
        var result = DialectProbe.ReadVersionReply(Error(0));
        Assert.Equal(ProbeOutcome.Unsupported, result.Outcome);
        Assert.Contains("list v9", result.Description, StringComparison.Ordinal);
        Assert.Contains("list v9", DialectProbe.ReadFirstIdReply(Reply(1, 0, 0, 0)).Description, StringComparison.Ordinal);
        Assert.Equal(ProbeOutcome.Unsupported, DialectProbe.ReadFirstIdReply(Reply(1, 0)).Outcome);
    }

    [Fact]
    public void Rfc_v5_is_found_on_the_second_connection()
    {
        Assert.Equal(ProbeOutcome.TryFirstId, DialectProbe.ReadVersionReply(Error(-1000)).Outcome);
        Assert.Equal(ProbeOutcome.TryFirstId, DialectProbe.NoReply().Outcome);
        var found = DialectProbe.ReadFirstIdReply(Reply(1, 0x1F8EFCCA, 0x7FF, 0));
        Assert.Equal((ProbeOutcome.Found, KvmiDialect.RfcV5), (found.Outcome, found.Dialect!.Value));
        Assert.Equal((0x1F8EFCCAu, 0x7FFu), (found.CommandMask, found.EventMask));
    }

    [Fact]
    public void Version_zero_and_odd_lengths_are_unknown_with_a_reason()
    {
        Assert.Contains("version 0", DialectProbe.ReadVersionReply(Reply(0, 0, 0, 0)).Description, StringComparison.Ordinal);
        Assert.Contains("12 payload bytes", DialectProbe.ReadVersionReply(Reply(1)).Description, StringComparison.Ordinal);
        Assert.Equal(ProbeOutcome.Unknown, DialectProbe.ReadVersionReply(new byte[7]).Outcome);
        Assert.Equal(ProbeOutcome.Unknown, DialectProbe.ReadVersionReply(Error(-12)).Outcome);
    }

    [Fact]
    public void Check_reply_needs_a_result_that_asked() =>
        Assert.Throws<ArgumentException>(() => DialectProbe.ReadCheckReply(DialectProbe.NoReply(), KvmiError.None));

    [Fact]
    public void Any_payload_is_judged_without_exception() =>
        Prop.ForAll<byte[], int>((bytes, error) =>
        {
            var asked = DialectProbe.ReadVersionReply(bytes);
            Assert.NotEqual("", asked.Description);
            Assert.NotEqual("", DialectProbe.ReadFirstIdReply(bytes).Description);
            Assert.True(asked.Outcome != ProbeOutcome.CheckCommand || DialectProbe.ReadCheckReply(asked, (KvmiError)error).Description.Length > 0);
        }).QuickCheckThrowOnFailure();

    private static byte[] Error(int error)
    {
        var payload = new byte[8];
        BinaryPrimitives.WriteInt32LittleEndian(payload, error);
        return payload;
    }

    private static byte[] Reply(params uint[] words)
    {
        var payload = new byte[8 + (words.Length * 4)];
        for (var i = 0; i < words.Length; i++)
        {
            BinaryPrimitives.WriteUInt32LittleEndian(payload.AsSpan(8 + (i * 4)), words[i]);
        }

        return payload;
    }
}
