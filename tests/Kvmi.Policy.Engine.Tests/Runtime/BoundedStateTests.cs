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
    public void Refused_additions_are_counted()
    {
        var set = new BoundedSet<ulong>(1, 1, shared: false);
        Assert.True(set.Add(1));
        Assert.False(set.Add(2));
        Assert.False(set.Add(1));
        Assert.Equal(1, set.Overflowed);
    }
}
