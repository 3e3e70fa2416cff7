using FsCheck;
using FsCheck.Fluent;
using Kvmi.Policy.Engine.Configuration.Filters;
using Kvmi.Policy.Engine.Dispatch;
using Kvmi.Policy.Engine.Model;
using Kvmi.Policy.Engine.Tests.Runtime;
using Kvmi.Protocol;
using Kvmi.Protocol.Events;

namespace Kvmi.Policy.Engine.Tests.Configuration.Filters;

/// <summary>What is said about filters against all events of a machine with registers of four bits, asked one by one.</summary>
public sealed class FilterOverlapTests
{
    private const ulong Last = 15;
    private static readonly EngineBench Bench = new();

    // Old and new of every write, by both CR0 and CR4, on three vCPUs.
    private static readonly EventFacts[] Writes =
    [
        .. from cr in (ushort[])[0, 4]
           from vcpu in (ushort[])[0, 1, 2]
           from old in Enumerable.Range(0, 16)
           from next in Enumerable.Range(0, 16)
           where old != next
           select Facts(cr, vcpu, (ulong)old, (ulong)next),
    ];

    private static Gen<IReadOnlyList<ValueRange>> Values(ulong last) =>
        from some in Gen.Frequency((2, Gen.Constant(false)), (3, Gen.Constant(true)))
        from ranges in Gen.Choose(0, (int)last).SelectMany(first => Gen.Choose(first, (int)last).Select(end => new ValueRange((ulong)first, (ulong)end))).ListOf()
        select (IReadOnlyList<ValueRange>)(some ? [.. ranges.Take(3)] : []);

    private static readonly Gen<ulong?> Mask = Gen.Choose(-8, 15).Select(bits => bits > 0 ? (ulong?)(ulong)bits : null);

    private static readonly Gen<EventFilter> Filter =
        from cr in Gen.Elements<int?>(null, 0, 4)
        from old in Values(Last)
        from next in Values(Last)
        from vcpus in Values(2)
        from changed in Mask
        from set in Mask
        from cleared in Mask
        select new EventFilter { Cr = cr, OldValues = old, NewValues = next, Vcpus = vcpus, ChangedBits = changed, SetBits = set, ClearedBits = cleared };

    [Fact]
    public void Two_filters_overlap_exactly_when_an_event_matches_both() =>
        Prop.ForAll(Filter.Two().ToArbitrary(), pair =>
        {
            var (left, right) = pair;
            var (a, b) = (new CompiledFilter(left, []), new CompiledFilter(right, []));
            var policy = EngineBench.Define("p");
            Assert.Equal(
                Writes.Any(facts => a.Matches(in facts) && b.Matches(in facts)),
                FilterOverlap.Exists(policy, EngineBench.On(EventKind.Cr, left), policy, EngineBench.On(EventKind.Cr, right)));
        }).Check(Config.QuickThrowOnFailure.WithMaxTest(3000));

    [Fact]
    public void A_filter_has_a_reason_never_to_match_exactly_when_no_event_matches_it() =>
        Prop.ForAll(Filter.ToArbitrary(), filter =>
        {
            var compiled = new CompiledFilter(filter, []);
            Assert.Equal(!Writes.Any(facts => compiled.Matches(in facts)), FilterReason.Find(EventKind.Cr, filter) is not null);
        }).Check(Config.QuickThrowOnFailure.WithMaxTest(3000));

    [Fact]
    public void The_next_number_with_given_bits_is_the_smallest_one() =>
        Prop.ForAll(
            Gen.Choose(0, 255).Three().ToArbitrary(),
            triple =>
            {
                // The upper 56 bits are all ones, so that the search meets the end of the numbers.
                var (from, places, bits) = (0xFFFF_FFFF_FFFF_FF00 | (ulong)triple.Item1, (ulong)triple.Item2, (ulong)(triple.Item3 & triple.Item2));
                var expected = Enumerable.Range(triple.Item1, 256 - triple.Item1).Where(value => ((ulong)value & places) == bits).Select(value => (int?)value).FirstOrDefault();
                Assert.Equal(expected is { } value ? 0xFFFF_FFFF_FFFF_FF00 | (ulong)value : null, ValueSets.NextWithBits(from, places, bits));
            }).Check(Config.QuickThrowOnFailure.WithMaxTest(3000));

    [Fact]
    public void A_filter_that_makes_the_search_long_is_given_up_and_called_possible()
    {
        ValueRange[] many = [.. Enumerable.Range(0, 4096).Select(i => new ValueRange((ulong)i << 40, (ulong)i << 40))];
        var filter = new EventFilter { OldValues = many, NewValues = many, SetBits = uint.MaxValue, ClearedBits = uint.MaxValue, ChangedBits = uint.MaxValue };
        Assert.NotEqual(true, RegisterWrites.Exists(0, filter, filter));
        Assert.True(RegisterWrites.Exists(0, filter with { SetBits = null, ClearedBits = null, ChangedBits = null }));
    }

    private static EventFacts Facts(ushort cr, ushort vcpu, ulong old, ulong next)
    {
        var frame = Bench.Frame(EventBody.Cr(cr, old, next), vcpu);
        return new EventFacts(in frame);
    }
}
