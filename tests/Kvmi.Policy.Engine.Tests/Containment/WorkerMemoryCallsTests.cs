using Kvmi.Policy.Engine.Containment.Worker.Hosting;
using Kvmi.Policy.Engine.Containment.Worker.Lane;
using Kvmi.Policy.Engine.Tests.Runtime;
using Kvmi.Protocol.Events;
using static Kvmi.Policy.Engine.Tests.Runtime.EngineBench;

namespace Kvmi.Policy.Engine.Tests.Containment;

/// <summary>Questions about guest memory as a worker may send them that talks nonsense.</summary>
public sealed class WorkerMemoryCallsTests
{
    private static readonly byte[] TwoRanges = [0, 0, 2, .. Range(0x1000, 4), .. Range(ulong.MaxValue, 2)];

    [Fact]
    public void Many_ranges_are_one_answer()
    {
        WithMemory((bench, memory) =>
        {
            bench.Vm.Put(0x1000, [1, 2, 3, 4]);
            Assert.Equal([2, 0, 0, 0, 1, 0, 6, 0, 0, 0, 1, 2, 3, 4, 0, 0], Ask(bench, memory, LaneCode.ReadMany, TwoRanges));
            Assert.Equal([0, 0, 0, 0, 0, 0, 0, 0], Ask(bench, memory, LaneCode.ReadMany, [1, 0, 0]));
            Assert.Equal([1, 0, 0, 0, 1, 0x77, 0, 0, 0, 0, 0, 0, 0], Ask(bench, memory, LaneCode.TranslateMany, [0, 1, .. BitConverter.GetBytes(0x77UL)]));
        });
    }

    [Fact]
    public void Questions_that_are_cut_short_too_long_or_past_their_bounds_break_the_protocol()
    {
        WithMemory((bench, memory) =>
        {
            for (var length = 0; length < TwoRanges.Length; length++)
            {
                Assert.Null(Ask(bench, memory, LaneCode.ReadMany, TwoRanges[..length]));
            }

            Assert.Null(Ask(bench, memory, LaneCode.ReadMany, [.. TwoRanges, 0]));
            Assert.Null(Ask(bench, memory, LaneCode.ReadMany, [0, 0, 65, .. Enumerable.Range(0, 65).SelectMany(_ => Range(0, 0))]));
            Assert.Null(Ask(bench, memory, LaneCode.ReadMany, [0, 0, 2, .. Range(0, 65_536), .. Range(0, 1)]));
            Assert.Null(Ask(bench, memory, LaneCode.ReadMany, [0, 0, 2, .. Range(0, uint.MaxValue), .. Range(0, uint.MaxValue)]));
            Assert.Null(Ask(bench, memory, LaneCode.ReadMany, [0, 1, 1, .. Range(0, 1)], hasEvent: false));
            Assert.Null(Ask(bench, memory, LaneCode.TranslateMany, [0, 1, .. BitConverter.GetBytes(0UL)], hasEvent: false));
            Assert.Null(Ask(bench, memory, LaneCode.TranslateMany, [0, 1, 0, 0]));
            Assert.Null(Ask(bench, memory, LaneCode.TranslateMany, [0, 65, .. new byte[65 * 8]]));
            Assert.Null(Ask(bench, memory, LaneCode.ReadPhysical, [0, .. Range(0, 65_537)]));
            Assert.Null(Ask(bench, memory, LaneCode.ReadVirtual, [0, .. Range(0, 1)], hasEvent: false));
            Assert.Null(Ask(bench, memory, LaneCode.Translate, [0, .. BitConverter.GetBytes(0UL)], hasEvent: false));
            Assert.Null(Ask(bench, memory, LaneCode.Notice, []));
            Assert.DoesNotContain(bench.Vm.Commands, command => command.StartsWith("read", StringComparison.Ordinal));
        });
    }

    private static byte[] Range(ulong address, uint length) => [.. BitConverter.GetBytes(address), .. BitConverter.GetBytes(length)];

    private static byte[]? Ask(EngineBench bench, IGuestMemory memory, LaneCode code, byte[] question, bool hasEvent = true)
    {
        var reader = new LaneReader(question);
        var answer = new byte[LaneMemory.Capacity];
        var writer = new LaneWriter(answer);
        var frame = hasEvent ? bench.Frame(EventBody.Cr(3, 1, 2), 0) : default;
        return WorkerMemoryCalls.Answer(code, ref reader, memory, in frame, hasEvent, ref writer) ? answer[..writer.Length] : null;
    }

    private static void WithMemory(Action<EngineBench, IGuestMemory> check)
    {
        using var bench = new EngineBench();
        bench.Load(Loaded(Define("p", OnCr3), services =>
        {
            check(bench, services.Memory);
            return [Cr(() => Decision.Allow)];
        }));
        bench.Attach();
        Assert.Empty(bench.Statuses("refused"));
    }
}
