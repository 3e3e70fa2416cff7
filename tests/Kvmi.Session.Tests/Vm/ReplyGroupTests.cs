using Kvmi.Session.Vm;

namespace Kvmi.Session.Tests.Vm;

public class ReplyGroupTests
{
    [Theory]
    [InlineData(1, 2)]
    [InlineData(8, 2)]
    [InlineData(9, 3)]
    [InlineData(32, 10)]
    public void A_group_is_a_third_of_the_last_batch_and_two_at_least(int batch, int group)
    {
        var groups = default(ReplyGroup);
        for (var i = 0; i < batch; i++)
        {
            groups.Add(isFirst: i == 0);
        }

        groups.EndBatch();
        for (var i = 1; i <= group; i++)
        {
            Assert.False(groups.IsFull && i > 1);
            groups.Add(isFirst: i == 1);
        }

        Assert.True(groups.IsFull);
    }

    [Fact]
    public void Waiting_without_an_event_forgets_nothing()
    {
        var groups = default(ReplyGroup);
        for (var i = 0; i < 30; i++)
        {
            groups.Add(isFirst: i == 0);
        }

        groups.EndBatch();
        groups.EndBatch();
        groups.Add(isFirst: true);
        groups.Add(isFirst: false);
        Assert.False(groups.IsFull);
    }
}
