using Kvmi.Policy.Engine.Model;
using Kvmi.Policy.Engine.Runtime;
using Kvmi.Protocol.Events;
using Kvmi.Session.Vm;
using static Kvmi.Policy.Engine.Tests.Runtime.EngineBench;

namespace Kvmi.Policy.Engine.Tests.Runtime;

public sealed class SwapUnderLoadTests
{
    [Fact]
    public async Task Every_event_is_decided_by_one_whole_generation_and_old_ones_are_let_go()
    {
        using var bench = new EngineBench();
        var lives = new List<CodeLife> { LoadPair(bench, 1) };
        bench.Attach();
        using var ready = new ManualResetEventSlim();
        var swaps = Task.Run(() =>
        {
            ready.Wait();
            for (var i = 2; i <= 200; i++)
            {
                lives.Add(LoadPair(bench, (ulong)i));
            }
        });

        ulong last = 0;
        for (var i = 0; i < 100 || !swaps.IsCompleted; i++)
        {
            var value = BitConverter.ToUInt64(bench.Send(EventBody.Cr(3, 0x1000, 0x2000)), 24);

            // Both policies of one generation set the same value; a mixture would be a conflict record.
            Assert.True(value >= last, $"generation {value} decided after generation {last}");
            last = value;
            ready.Set();
        }

        await swaps;
        Assert.Equal(200UL, BitConverter.ToUInt64(bench.Send(EventBody.Cr(3, 0x1000, 0x2000)), 24));
        bench.Engine.Flush();
        Assert.Empty(bench.Sink.Records.OfType<Engine.Output.NoticeOutput>());
        Assert.All(lives.SkipLast(1), life => Assert.True(life.Disposed));
        Assert.False(lives[^1].Disposed);
        bench.Handler.Detaching(DetachReason.Stopping);
    }

    [Fact]
    public void Two_vms_share_state_of_scope_policy_and_only_that()
    {
        foreach (var scope in Enum.GetValues<PolicyStateScope>())
        {
            using var bench = new EngineBench();
            var fresh = new List<bool>();
            bench.Load(Loaded(Define("p", OnCr3) with { State = new PolicyStateSettings(scope, KeepOnReload: true) }, services =>
            {
                var seen = services.State.Set<ulong>("seen", 16);
                PolicyHandler<CrEvent> handler = e =>
                {
                    fresh.Add(seen.Add(e.New));
                    return Decision.Allow;
                };
                return [handler];
            }));
            var second = (VmPolicyHandler)bench.Engine.Create(new FakeVm("web02"));
            second.Attached();
            var body = EventBody.Cr(3, 1, 2);
            bench.Attach().Send(body);
            var frame = bench.Frame(in body, 0);
            var reply = default(EventReply);
            second.OnEvent(in frame, ref reply);
            second.Detaching(DetachReason.Stopping);

            Assert.Equal([true, scope != PolicyStateScope.Policy], fresh);
        }
    }

    private static CodeLife LoadPair(EngineBench bench, ulong value) => bench.Load(
        Loaded(Define("a", OnCr3), Cr(() => Decision.Set(value))),
        Loaded(Define("b", OnCr3), Cr(() => Decision.Set(value))));
}
