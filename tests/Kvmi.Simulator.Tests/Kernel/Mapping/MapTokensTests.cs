using Kvmi.Protocol;
using Kvmi.Protocol.Commands;
using Kvmi.Simulator.Kernel.Mapping;
using Kvmi.Simulator.Tests.Kernel.Hooking;

namespace Kvmi.Simulator.Tests.Kernel.Mapping;

public sealed class MapTokensTests
{
    private static readonly TimeSpan Second = TimeSpan.FromSeconds(1);
    private readonly ManualTime _time = new();
    private readonly MapTokens _tokens;
    private readonly ScriptedMachine _first = new(1);
    private readonly ScriptedMachine _second = new(1);

    public MapTokensTests() => _tokens = new MapTokens(_time);

    private static Kvmi.Protocol.Dialects.Dialect D => RawTool.Dialect;

    [Fact]
    public void A_token_opens_its_vm_once()
    {
        Assert.True(_tokens.TryGrant(_first, Second, out var token));
        Assert.True(_tokens.TryTake(token, out var source));
        Assert.Same(_first, source);
        Assert.False(_tokens.TryTake(token, out _));
        Assert.False(_tokens.TryTake(default, out _));
    }

    [Fact]
    public void A_token_lives_as_long_as_its_kernel_says()
    {
        Assert.True(_tokens.TryGrant(_first, Second, out var shortLived));
        Assert.True(_tokens.TryGrant(_first, 3 * Second, out var longLived));
        _time.Advance(Second);
        Assert.True(_tokens.TryTake(shortLived, out _));
        Assert.True(_tokens.TryGrant(_first, Second, out shortLived));
        _time.Advance(Second + TimeSpan.FromTicks(1));
        Assert.False(_tokens.TryTake(shortLived, out _));
        Assert.True(_tokens.TryTake(longLived, out _));
    }

    [Fact]
    public void Nine_tokens_of_a_vm_may_be_outstanding_and_age_makes_room()
    {
        var granted = new HashSet<MapToken>();
        for (var i = 0; i < 9; i++)
        {
            Assert.True(_tokens.TryGrant(_first, Second, out var token));
            Assert.True(granted.Add(token));
        }

        Assert.False(_tokens.TryGrant(_first, Second, out _));
        Assert.True(_tokens.TryGrant(_second, Second, out _));
        Assert.True(_tokens.TryTake(granted.First(), out _));
        Assert.True(_tokens.TryGrant(_first, Second, out _));
        Assert.False(_tokens.TryGrant(_first, Second, out _));
        _time.Advance(2 * Second);
        Assert.True(_tokens.TryGrant(_first, Second, out _));
    }

    [Fact]
    public void The_end_of_a_session_drops_the_tokens_of_that_vm_alone()
    {
        Assert.True(_tokens.TryGrant(_first, Second, out var dropped));
        Assert.True(_tokens.TryGrant(_second, Second, out var kept));
        _tokens.Drop(_first);
        Assert.False(_tokens.TryTake(dropped, out _));
        Assert.True(_tokens.TryTake(kept, out _));
    }

    [Fact]
    public async Task A_tool_gets_tokens_over_the_socket_until_there_are_too_many()
    {
        await using var vm = new HookFixture(host: new SimulatedHost());
        var tool = await vm.HookedAsync();
        var seen = new HashSet<string>();
        for (var i = 0; i < 9; i++)
        {
            var reply = tool.Ask((b, s) => D.WriteEmpty(b, s, CommandKind.GetMapToken));
            Assert.Equal(0, reply.Error);
            Assert.Equal(40, reply.Payload.Length);
            Assert.True(seen.Add(Convert.ToHexString(reply.Payload[8..])));
        }

        Assert.Equal(-11, tool.Ask((b, s) => D.WriteEmpty(b, s, CommandKind.GetMapToken)).Error);
    }

    [Fact]
    public async Task A_vm_of_v7_that_is_no_memory_source_gives_none_as_captured()
    {
        await using var vm = new HookFixture();
        var tool = await vm.HookedAsync();
        Assert.Equal(-95, tool.Ask((b, s) => D.WriteEmpty(b, s, CommandKind.GetMapToken)).Error);
    }
}
