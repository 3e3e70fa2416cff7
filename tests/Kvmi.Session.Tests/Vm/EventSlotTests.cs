using Kvmi.Protocol;
using Kvmi.Session.Vm;

namespace Kvmi.Session.Tests.Vm;

public class EventSlotTests
{
    [Fact]
    public void Exactly_one_of_many_threads_claims_an_event()
    {
        var slot = new EventSlot();
        Assert.False(slot.TryClaim(0));
        for (var sequence = 1u; sequence <= 500; sequence++)
        {
            slot.Arm([1, 2], 3, sequence, EventKind.Cr);
            var claims = 0;
            Parallel.For(0, 4, _ =>
            {
                if (slot.TryClaim(sequence))
                {
                    Interlocked.Increment(ref claims);
                }
            });
            Assert.Equal(1, claims);
            Assert.False(slot.IsWaiting);
        }
    }

    [Fact]
    public void A_claim_for_an_earlier_event_does_not_take_a_later_one()
    {
        var slot = new EventSlot();
        slot.Arm([1], 0, 5, EventKind.Cr);
        Assert.True(slot.TryClaim(5));
        slot.Arm(new byte[5000], 0, 6, EventKind.Msr);
        Assert.False(slot.TryClaim(5));
        Assert.True(slot.IsWaiting);
        Assert.Equal(5000, slot.Message.Length);
        Assert.True(slot.TryClaim(6));
    }
}
