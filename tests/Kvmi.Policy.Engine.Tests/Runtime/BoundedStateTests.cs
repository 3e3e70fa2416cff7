using FsCheck;
using FsCheck.Fluent;
using Kvmi.Policy.Engine.Runtime;
using Kvmi.Policy.Engine.Runtime.State;
using Kvmi.Session.Deadlines;

namespace Kvmi.Policy.Engine.Tests.Runtime;

public sealed class BoundedStateTests
{
    [Fact]
    public void A_bounded_set_behaves_like_a_set_with_a_bound()
    {
        Check.One(
            Config.QuickThrowOnFailure.WithMaxTest(300).WithEndSize(200),
            Prop.ForAll(Gen.Choose(-20, 20).ArrayOf().ToArbitrary(), values =>
            {
                var set = new BoundedSet<int>(10, 7, shared: false);
                var model = new HashSet<int>();
                foreach (var value in values)
                {
                    if (value % 3 == 0)
                    {
                        Assert.Equal(model.Remove(value), set.Remove(value));
                    }
                    else
                    {
                        Assert.Equal(model.Count < 10 && model.Add(value), set.Add(value));
                    }

                    Assert.Equal(model.Count, set.Count);
                    Assert.All(Enumerable.Range(-20, 41), v => Assert.Equal(model.Contains(v), set.Contains(v)));
                }
            }));
    }

    [Fact]
    public void A_bounded_map_behaves_like_a_map_with_a_bound()
    {
        Check.One(
            Config.QuickThrowOnFailure.WithMaxTest(200).WithEndSize(100),
            Prop.ForAll(Gen.Choose(-20, 20).ArrayOf().ToArbitrary(), values =>
            {
                var map = new BoundedMap<long, Guid>(8, 7, shared: true);
                var model = new Dictionary<long, Guid>();
                foreach (var value in values)
                {
                    var content = new Guid(value, 0, 0, new byte[8]);
                    if (value % 3 == 0)
                    {
                        Assert.Equal(model.Remove(value), map.Remove(value));
                    }
                    else
                    {
                        var fits = model.ContainsKey(value) || model.Count < 8;
                        Assert.Equal(fits, map.TrySet(value, content));
                        if (fits)
                        {
                            model[value] = content;
                        }
                    }

                    Assert.Equal(model.TryGetValue(value, out var expected), map.TryGet(value, out var actual));
                    Assert.Equal(expected, actual);
                }
            }));
    }

    [Fact]
    public void One_name_is_one_collection_and_a_reload_may_resize_it()
    {
        var state = new NamedState(shared: false);
        var first = new PolicyState("p", state, 1, new ForeignCode(new VmCustody()), new CurrentEvent(), () => 1);
        var set = first.Set<ulong>("s", 4);
        set.Add(1);
        set.Add(2);
        Assert.Same(set, first.Set<ulong>("s", 4));
        Assert.Throws<InvalidOperationException>(() => first.Set<ulong>("s", 5));
        Assert.Throws<InvalidOperationException>(() => first.Map<ulong, int>("s", 4));
        Assert.Throws<ArgumentOutOfRangeException>(() => first.Set<ulong>("t", NamedState.MaxCapacity + 1L));

        var second = new PolicyState("p", state, 1, new ForeignCode(new VmCustody()), new CurrentEvent(), () => 1).Set<ulong>("s", 8);
        Assert.Equal((8, 2, true), (second.Capacity, second.Count, second.Contains(2)));
    }

    [Fact]
    public void What_a_new_version_cannot_take_over_is_told_once()
    {
        var state = new NamedState(shared: false);
        var before = StateOf(state);
        var roots = before.Set<ulong>("roots", 4);
        roots.Add(1);
        roots.Add(2);
        before.Map<ulong, int>("counts", 4).TrySet(1, 1);
        before.Set<ulong>("empty", 4);
        var same = before.Set<uint>("same", 4);
        same.Add(9);

        var after = StateOf(state);
        Assert.Equal(1, after.Set<ulong>("roots", 1).Count);
        Assert.Equal(0, after.Map<uint, int>("counts", 4).Count);
        Assert.Equal(0, after.Set<uint>("empty", 4).Count);
        Assert.Same(same, after.Set<uint>("same", 4));
        Assert.Equal(
            [
                "'roots' (1 of 2 entries; its capacity is 1 now)",
                "'counts' (1 entries; it was a Map<UInt64, Int32>, and is a Map<UInt32, Int32> now)",
            ],
            state.TakeLosses());
        Assert.Empty(state.TakeLosses());
    }

    [Fact]
    public void Names_of_earlier_versions_do_not_use_up_the_room_and_those_of_this_one_stay()
    {
        var state = new NamedState(shared: false);
        for (var version = 0; version < 3; version++)
        {
            var now = StateOf(state);
            var mine = Enumerable.Range(0, NamedState.MaxCollections).Select(i => now.Set<ulong>($"v{version}-{i}", 1)).ToList();
            mine[0].Add(7);
            Assert.Throws<InvalidOperationException>(() => now.Set<ulong>("one more", 1));
            Assert.Same(mine[0], now.Set<ulong>($"v{version}-0", 1));
        }
    }

    [Fact]
    public void Refused_additions_are_counted()
    {
        var set = new BoundedSet<ulong>(1, 1, shared: false);
        Assert.True(set.Add(1));
        Assert.False(set.Add(2));
        Assert.False(set.Add(1));
        Assert.Equal(1, set.Overflowed);
    }

    private static PolicyState StateOf(NamedState state) => new("p", state, 1, new ForeignCode(new VmCustody()), new CurrentEvent(), () => 1);
}
