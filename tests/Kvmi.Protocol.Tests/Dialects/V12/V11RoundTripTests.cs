using Kvmi.Protocol.Dialects;

namespace Kvmi.Protocol.Tests.Dialects.V12;

/// <summary>v11 is v12 with other ids for two commands.</summary>
public sealed class V11RoundTripTests() : V12RoundTripTests(KvmiDialect.V11)
{
    private static readonly Dialect V12 = Dialect.Find(KvmiDialect.V12)!;

    [Fact]
    public void Ids_20_and_22_are_the_whole_difference()
    {
        for (ushort id = 0; id < 64; id++)
        {
            var known = Codec.TryGetCommand(id, out var kind);
            var knownToV12 = V12.TryGetCommand(id, out var kindOfV12);
            Assert.Equal(id is 20 or 22, (known, kind) != (knownToV12, kindOfV12));
        }

        Assert.True(Codec.TryGetCommand(20, out var second) && second == CommandKind.GetMaxGfn);
        Assert.True(Codec.TryGetCommand(22, out var third) && third == CommandKind.SetPageAccess);
        Assert.True(V12.TryGetCommand(20, out var first) && first == CommandKind.SetPageAccess);
        Assert.False(V12.TryGetCommandId(CommandKind.GetMaxGfn, out _));
        Assert.Equal((true, false), (Codec.ReturnsData(CommandKind.GetMaxGfn), V12.ReturnsData(CommandKind.GetMaxGfn)));
    }

    [Fact]
    public void Get_max_gfn_is_a_command_of_v11_only()
    {
        var message = new byte[8];
        Assert.Equal(8, Codec.WriteEmpty(message, 1, CommandKind.GetMaxGfn));
        Assert.Equal([20, 0, 0, 0, 1, 0, 0, 0], message);
        var error = Assert.Throws<CommandNotInDialectException>(() => V12.WriteEmpty(message, 1, CommandKind.GetMaxGfn));
        Assert.Contains("v12", error.Message, StringComparison.Ordinal);
    }
}
